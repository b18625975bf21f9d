//! The providers' own SDKs understand the simulator, in their strictest mode, and it refuses what is
//! wrong in a way that they understand too.

use std::{process::Stdio, time::Duration};

use asynccoder::simulator::{Failure, Script, Usage};
use expect_test::expect;
use serde_json::json;

use super::Set;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Four SDKs, and their own waits.
const PATIENCE: Duration = Duration::from_mins(3);

#[tokio::test]
async fn the_official_sdks_understand_the_simulator() {
    let set = Set::start().await.unwrap();
    let models = set.sim.models();
    let read = |path: &str| ("read_file", json!({ "path": path }));
    for script in [
        Script::new("tools")
            .when("case: tools")
            .calls(vec![read("src/lib.rs"), read("README.md")])
            .with_thinking("Where is the sign?")
            .with_usage(Usage { input: 20, cache_read: 64, cache_write: 16, output: 20 })
            .says("Fixed."),
        Script::new("refusal").when("case: refusal").refuses(),
        // Proves that the SDKs are as strict as they are told to be.
        Script::new("nonsense").when("case: nonsense").raw(json!({
            "id": 7, "content": "yes", "output": "yes", "choices": "yes", "candidates": "yes",
        })),
        Script::new("cut").when("case: cut").cut("It begins and"),
    ] {
        models.script(script);
    }
    // Each meets a busy service by itself.
    for sdk in ["Anthropic", "Responses", "Chat", "Gemini"] {
        let busy = Script::new("busy").when(&format!("{sdk}: busy"));
        models.script(busy.fails(2, Failure::rate_limited(1)).says("At last."));
    }
    let python = format!("{ROOT}/target/sdk/bin/python");
    let mut command = tokio::process::Command::new(&python);
    command
        .arg(format!("{ROOT}/tests/sdk/drive.py"))
        .env_clear()
        .env("MODELS_URL", set.sim.models_url())
        .env("ANTHROPIC_API_KEY", models.api_key())
        .env("OPENAI_API_KEY", models.openai_key())
        .env("GEMINI_API_KEY", models.gemini_key())
        .kill_on_drop(true)
        .stdin(Stdio::null());
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends");
    let output = output.expect("the SDKs are missing: run scripts/test, which installs them");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    expect![[r#"
        Anthropic: The Messages API.
          thought: True, calls: ['src/lib.rs', 'README.md']
          prompt, cached, output: (100, 64, 20), end: tool_use
          then it says: 'Fixed.', end: end_turn
          refusal: refusal
          cut: 'It begins and', end: max_tokens
          busy: rate_limit_error, to be asked again after 1
          with patience: 'At last.'
          nonsense: APIResponseValidationError
          a wrong key: AuthenticationError 401 authentication_error
          an unknown model: NotFoundError 404 not_found_error
          too much output: BadRequestError 400 invalid_request_error
          a call without an answer: BadRequestError 400 invalid_request_error
          an answer without a call: BadRequestError 400 invalid_request_error
          without the thought: BadRequestError 400 invalid_request_error
        Responses: OpenAI's Responses API.
          thought: True, calls: ['src/lib.rs', 'README.md']
          prompt, cached, output: (100, 64, 20), end: completed
          then it says: 'Fixed.', end: completed
          refusal: completed: I'm sorry, but I cannot assist with that request.
          cut: 'It begins and', end: incomplete: max_output_tokens
          busy: rate_limit_exceeded, to be asked again after 1
          with patience: 'At last.'
          nonsense: APIResponseValidationError
          a wrong key: AuthenticationError 401 invalid_api_key
          an unknown model: NotFoundError 404 model_not_found
          too much output: BadRequestError 400 invalid_value
          a call without an answer: BadRequestError 400 invalid_request_error
          an answer without a call: BadRequestError 400 invalid_request_error
          without the thought: BadRequestError 400 invalid_request_error
        Chat: OpenAI's Chat Completions.
          thought: True, calls: ['src/lib.rs', 'README.md']
          prompt, cached, output: (100, 64, 20), end: tool_calls
          then it says: 'Fixed.', end: stop
          refusal: stop: I'm sorry, but I cannot assist with that request.
          cut: 'It begins and', end: length
          busy: rate_limit_exceeded, to be asked again after 1
          with patience: 'At last.'
          nonsense: APIResponseValidationError
          a wrong key: AuthenticationError 401 invalid_api_key
          an unknown model: NotFoundError 404 model_not_found
          too much output: BadRequestError 400 invalid_value
          a call without an answer: BadRequestError 400 invalid_request_error
          an answer without a call: BadRequestError 400 invalid_request_error
        Gemini: Google's generateContent.
          thought: True, calls: ['src/lib.rs', 'README.md']
          prompt, cached, output: (100, 64, 20), end: STOP
          then it says: 'Fixed.', end: STOP
          refusal: SAFETY
          cut: 'It begins and', end: MAX_TOKENS
          busy: RESOURCE_EXHAUSTED, to be asked again after 1s
          with patience: 'At last.'
          nonsense: ValidationError
          a wrong key: ClientError 400 INVALID_ARGUMENT
          an unknown model: ClientError 404 NOT_FOUND
          too much output: ClientError 400 INVALID_ARGUMENT
          a call without an answer: ClientError 400 INVALID_ARGUMENT
          an answer without a call: ClientError 400 INVALID_ARGUMENT
          without the thought: ClientError 400 INVALID_ARGUMENT
    "#]]
    .assert_eq(&told);
}
