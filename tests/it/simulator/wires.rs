//! OpenAI's and Gemini's wires: the same script on each, and every rule that a request can break.

use asynccoder::simulator::{Failure, Script, Usage};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::Set;

const RESPONSES: &str = "/v1/responses";
const CHAT: &str = "/v1/chat/completions";
const GEMINI: &str = "/v1beta/models/gemini-4-argon:generateContent";

/// A change that makes a request wrong, and what it is called.
type Wrong = (&'static str, fn(&mut Value));

/// A simulator whose model reads two files at once and then says what it did.
async fn scripted() -> Set {
    let set = Set::start().await.unwrap();
    set.sim.models().script(
        Script::new("fix")
            .when("add() subtracts")
            .calls(vec![
                ("read_file", json!({"path": "src/lib.rs"})),
                ("read_file", json!({"path": "README.md"})),
            ])
            .with_thinking("Where is the sign?")
            .with_usage(Usage { input: 20, cache_read: 64, cache_write: 16, output: 20 })
            .says("Fixed."),
    );
    set
}

async fn send(set: &Set, path: &str, body: &Value) -> (u16, Value) {
    let models = set.sim.models();
    let request = set.client.post(format!("{}{path}", set.sim.models_url()));
    let request = if path == GEMINI {
        request.header("x-goog-api-key", models.gemini_key())
    } else {
        request.bearer_auth(models.openai_key())
    };
    let response = request.json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// What is said to a request that is wrong in each of these ways.
async fn refusals(set: &Set, path: &str, sound: &Value, wrongs: &[Wrong], expected: Expect) {
    let (status, answer) = send(set, path, sound).await;
    assert_eq!(status, 200, "{answer}");
    let mut told = String::new();
    for (name, change) in wrongs {
        let mut body = sound.clone();
        change(&mut body);
        let (status, answer) = send(set, path, &body).await;
        let error = &answer["error"];
        let code = error["code"].as_str().or(error["status"].as_str()).unwrap_or("-");
        let message: String = error["message"].as_str().unwrap().chars().take(110).collect();
        told.push_str(&format!("{name}: {status} {code}: {message}\n"));
    }
    expected.assert_eq(&told);
}

fn remove(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().shift_remove(name);
}

fn push(value: &mut Value, more: Value) {
    value.as_array_mut().unwrap().push(more);
}

fn pop(value: &mut Value) {
    value.as_array_mut().unwrap().pop();
}

fn responses_body() -> Value {
    json!({
        "model": "gpt-6.2-sol", "instructions": "You fix code.", "store": false,
        "max_output_tokens": 4096, "include": ["reasoning.encrypted_content"],
        "tools": [{"type": "function", "name": "read_file", "strict": false,
                   "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}],
        "input": [{"role": "user", "content": "add() subtracts"}],
    })
}

#[tokio::test]
async fn a_script_is_played_as_responses() {
    let set = scripted().await;
    let mut body = responses_body();
    let (_, first) = send(&set, RESPONSES, &body).await;
    expect![[r#"
        {
          "status": "completed",
          "usage": {
            "input_tokens": 100,
            "input_tokens_details": {
              "cached_tokens": 64,
              "cache_write_tokens": 16
            },
            "output_tokens": 20,
            "output_tokens_details": {
              "reasoning_tokens": 5
            },
            "total_tokens": 120
          }
        }"#]]
    .assert_eq(&pretty(&first, &["status", "usage"]));
    let output = first["output"].as_array().unwrap();
    let kinds: Vec<_> = output.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "function_call", "function_call"]);
    assert_eq!(output[1]["arguments"], r#"{"path":"src/lib.rs"}"#);
    for item in output {
        push(&mut body["input"], item.clone());
    }
    for call in &output[1..] {
        let answer =
            json!({"type": "function_call_output", "call_id": call["call_id"], "output": "a - b"});
        push(&mut body["input"], answer);
    }
    let (_, last) = send(&set, RESPONSES, &body).await;
    assert_eq!(last["output"][0]["content"][0]["text"], "Fixed.");
    let wrongs: &[Wrong] = &[
        ("no model", |b| remove(b, "model")),
        ("another model", |b| b["model"] = json!("gpt-2")),
        ("a chat model", |b| b["model"] = json!("qwen3-coder:30b")),
        ("no input", |b| remove(b, "input")),
        ("an empty input", |b| b["input"] = json!([])),
        ("an unknown field", |b| b["max_tokens"] = json!(5)),
        ("a wrong type", |b| b["max_output_tokens"] = json!("5")),
        ("too much output", |b| b["max_output_tokens"] = json!(200_000)),
        ("too little output", |b| b["max_output_tokens"] = json!(1)),
        ("a temperature", |b| b["temperature"] = json!(0.5)),
        ("no effort", |b| b["reasoning"] = json!({"effort": "none"})),
        ("a strict tool", |b| remove(&mut b["tools"][0], "strict")),
        ("a bad tool name", |b| b["tools"][0]["name"] = json!("read file")),
        ("an unknown item", |b| b["input"][0]["type"] = json!("tool")),
        ("an unknown part", |b| b["input"][0]["content"] = json!([{"type": "text", "text": "x"}])),
        ("an unknown field below", |b| b["input"][0]["cache"] = json!(true)),
        ("arguments as object", |b| b["input"][2]["arguments"] = json!({"path": "x"})),
        ("no output", |b| pop(&mut b["input"])),
        ("two outputs", |b| {
            let output = b["input"][5].clone();
            push(&mut b["input"], output);
        }),
        ("an output too many", |b| b["input"][5]["call_id"] = json!("call_x")),
        ("no reasoning", |b| {
            b["input"].as_array_mut().unwrap().remove(1);
        }),
        ("no encrypted content", |b| remove(&mut b["input"][1], "encrypted_content")),
        ("another thought", |b| b["input"][1]["encrypted_content"] = json!("gAAAA")),
        ("other arguments", |b| b["input"][2]["arguments"] = json!("{}")),
        ("a stored response", |b| b["previous_response_id"] = json!("resp_1")),
    ];
    refusals(&set, RESPONSES, &body, wrongs, expect![[r#"
        no model: 400 missing_required_parameter: Missing required parameter: 'model'.
        another model: 404 model_not_found: The model `gpt-2` does not exist or you do not have access to it.
        a chat model: 404 model_not_found: The model `qwen3-coder:30b` does not exist or you do not have access to it.
        no input: 400 missing_required_parameter: Missing required parameter: 'input'.
        an empty input: 400 missing_required_parameter: Missing required parameter: 'input'.
        an unknown field: 400 unknown_parameter: Unknown parameter: 'max_tokens'.
        a wrong type: 400 invalid_type: Invalid type for 'max_output_tokens': expected an integer, but got a string instead.
        too much output: 400 invalid_value: max_output_tokens is too large: 200000. This model supports at most 128000 completion tokens.
        too little output: 400 integer_below_min_value: Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16.
        a temperature: 400 unsupported_parameter: Unsupported parameter: 'temperature' is not supported with this model.
        no effort: 400 unsupported_value: Unsupported value: 'none' is not supported with the 'gpt-6.2-sol' model.
        a strict tool: 400 invalid_function_parameters: Invalid schema for function 'read_file': In context=(), 'additionalProperties' is required to be supplied and 
        a bad tool name: 400 invalid_value: Invalid 'tools[0].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-
        an unknown item: 400 invalid_value: Invalid value: 'tool'. Supported values are: ["message", "function_call", "function_call_output", "reasoning"]
        an unknown part: 400 invalid_value: Invalid value: 'text'. Supported values are: ["input_text", "input_image", "input_file"].
        an unknown field below: 400 unknown_parameter: Unknown parameter: 'input[0].cache'.
        arguments as object: 400 invalid_type: Invalid type for 'input[2].arguments': expected a string, but got an object instead.
        no output: 400 -: No tool output found for function call call_e7ecb4d78595259f9db401.
        two outputs: 400 -: No tool call found for function call output with call_id call_e7ecb4d78595259f9db401.
        an output too many: 400 -: No tool call found for function call output with call_id call_x.
        no reasoning: 400 -: Item 'fc_e7ecb4d78595259f9db4d4f600' of type 'function_call' was provided without its required 'reasoning' ite
        no encrypted content: 404 -: Item with id 'rs_e7ecb4d78595259f9db4d4f6' not found. Items are not persisted when `store` is set to false.
        another thought: 400 invalid_encrypted_content: The encrypted content for item rs_e7ecb4d78595259f9db4d4f6 could not be verified.
        other arguments: 400 -: The items of the response with call_id call_e7ecb4d78595259f9db400 must come back as they were.
        a stored response: 400 previous_response_not_found: Previous response with id 'resp_1' not found.
    "#]]).await;
}

fn chat_body() -> Value {
    json!({
        "model": "gpt-6-luna", "max_completion_tokens": 4096,
        "messages": [{"role": "developer", "content": "You fix code."},
                     {"role": "user", "content": "add() subtracts"}],
        "tools": [{"type": "function", "function": {"name": "read_file",
                   "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}}],
    })
}

#[tokio::test]
async fn a_script_is_played_as_a_chat() {
    let set = scripted().await;
    let mut body = chat_body();
    let (_, first) = send(&set, CHAT, &body).await;
    expect![[r#"
        {
          "choices": [
            {
              "index": 0,
              "message": {
                "role": "assistant",
                "content": null,
                "refusal": null,
                "tool_calls": [
                  {
                    "id": "call_e7ecb4d78595259f9db400",
                    "type": "function",
                    "function": {
                      "name": "read_file",
                      "arguments": "{\"path\":\"src/lib.rs\"}"
                    }
                  },
                  {
                    "id": "call_e7ecb4d78595259f9db401",
                    "type": "function",
                    "function": {
                      "name": "read_file",
                      "arguments": "{\"path\":\"README.md\"}"
                    }
                  }
                ]
              },
              "logprobs": null,
              "finish_reason": "tool_calls"
            }
          ],
          "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {
              "cached_tokens": 64,
              "cache_write_tokens": 16
            },
            "completion_tokens_details": {
              "reasoning_tokens": 5
            }
          }
        }"#]]
    .assert_eq(&pretty(&first, &["choices", "usage"]));
    let message = first["choices"][0]["message"].clone();
    push(&mut body["messages"], message.clone());
    for call in message["tool_calls"].as_array().unwrap() {
        let answer = json!({"role": "tool", "tool_call_id": call["id"], "content": "a - b"});
        push(&mut body["messages"], answer);
    }
    let (_, last) = send(&set, CHAT, &body).await;
    assert_eq!(last["choices"][0]["message"]["content"], "Fixed.");
    let wrongs: &[Wrong] = &[
        ("no messages", |b| remove(b, "messages")),
        ("an empty list", |b| b["messages"] = json!([])),
        ("another model", |b| b["model"] = json!("gpt-2")),
        ("an unknown field", |b| b["input"] = json!([])),
        ("the older word", |b| b["max_tokens"] = json!(5)),
        ("a temperature", |b| b["temperature"] = json!(1)),
        ("an empty list of tools", |b| b["tools"] = json!([])),
        ("a tool of the other wire", |b| b["tools"][0] = json!({"type": "function", "name": "x"})),
        ("an unknown role", |b| b["messages"][0]["role"] = json!("model")),
        ("nothing said", |b| {
            remove(&mut b["messages"][2], "tool_calls");
        }),
        ("arguments as object", |b| {
            b["messages"][2]["tool_calls"][0]["function"]["arguments"] = json!({});
        }),
        ("no answer", |b| pop(&mut b["messages"])),
        ("something in between", |b| b["messages"][3] = json!({"role": "user", "content": "?"})),
        ("an answer too many", |b| {
            let answer = b["messages"][4].clone();
            push(&mut b["messages"], answer);
        }),
        ("other arguments", |b| {
            b["messages"][2]["tool_calls"][0]["function"]["arguments"] = json!("{}");
        }),
        ("a stream", |b| b["stream"] = json!(true)),
    ];
    refusals(&set, CHAT, &body, wrongs, expect![[r#"
        no messages: 400 missing_required_parameter: Missing required parameter: 'messages'.
        an empty list: 400 empty_array: Invalid 'messages': empty array. Expected an array with minimum length 1.
        another model: 404 model_not_found: The model `gpt-2` does not exist or you do not have access to it.
        an unknown field: 400 unknown_parameter: Unknown parameter: 'input'.
        the older word: 400 unsupported_parameter: Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.
        a temperature: 400 unsupported_parameter: Unsupported parameter: 'temperature' is not supported with this model.
        an empty list of tools: 400 empty_array: Invalid 'tools': empty array. Expected an array with minimum length 1.
        a tool of the other wire: 400 unknown_parameter: Unknown parameter: 'tools[0].name'.
        an unknown role: 400 invalid_value: Invalid value: 'model'. Supported values are: ["system", "developer", "user", "assistant", "tool"].
        nothing said: 400 invalid_type: Invalid value for 'messages[2].content': expected a string, got null.
        arguments as object: 400 invalid_type: Invalid type for 'messages[2].tool_calls[0].function.arguments': expected a string, but got an object instead.
        no answer: 400 -: An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. Th
        something in between: 400 -: An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. Th
        an answer too many: 400 -: Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.
        other arguments: 400 -: messages[2]: the message with 'tool_calls' must come back as it was.
        a stream: 400 unsupported_parameter: stream: not simulated
    "#]]).await;
    body["model"] = json!("qwen3-coder:30b");
    let (status, wrong) = send(&set, CHAT, &body).await;
    assert_eq!((status, &wrong["error"]["param"]), (400, &json!("max_completion_tokens")));
    remove(&mut body, "max_completion_tokens");
    body["max_tokens"] = json!(4096);
    body["temperature"] = json!(0.2);
    assert_eq!(send(&set, CHAT, &body).await.0, 200);
}

fn gemini_body() -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": "You fix code."}]},
        "contents": [{"role": "user", "parts": [{"text": "add() subtracts"}]}],
        "tools": [{"functionDeclarations": [{"name": "read_file", "parametersJsonSchema":
                   {"type": "object", "properties": {"path": {"type": "string"}}}}]}],
        "generationConfig": {"maxOutputTokens": 4096},
    })
}

#[tokio::test]
async fn a_script_is_played_as_gemini() {
    let set = scripted().await;
    let mut body = gemini_body();
    let (_, first) = send(&set, GEMINI, &body).await;
    expect![[r#"
        {
          "usageMetadata": {
            "promptTokenCount": 100,
            "candidatesTokenCount": 15,
            "totalTokenCount": 120,
            "promptTokensDetails": [
              {
                "modality": "TEXT",
                "tokenCount": 100
              }
            ],
            "cachedContentTokenCount": 64,
            "thoughtsTokenCount": 5
          },
          "modelVersion": "gemini-4-argon"
        }"#]]
    .assert_eq(&pretty(&first, &["usageMetadata", "modelVersion"]));
    let content = first["candidates"][0]["content"].clone();
    let calls: Vec<_> =
        content["parts"].as_array().unwrap().iter().map(|part| &part["functionCall"]).collect();
    assert_eq!(calls[1]["args"], json!({"path": "README.md"}));
    assert!(content["parts"][0]["thoughtSignature"].is_string());
    assert_eq!(content["parts"][1].get("thoughtSignature"), None, "only the first of several");
    let answers = calls.iter().map(|call| {
        json!({"functionResponse": {"id": call["id"], "name": call["name"], "response": {"result": "a - b"}}})
    });
    let answers: Vec<_> = answers.collect();
    push(&mut body["contents"], content.clone());
    push(&mut body["contents"], json!({"role": "user", "parts": answers}));
    let (_, last) = send(&set, GEMINI, &body).await;
    assert_eq!(last["candidates"][0]["content"]["parts"][0]["text"], "Fixed.");
    let wrongs: &[Wrong] = &[
        ("no contents", |b| remove(b, "contents")),
        ("empty contents", |b| b["contents"] = json!([])),
        ("an unknown field", |b| b["model"] = json!("x")),
        ("an unknown field below", |b| b["contents"][0]["parts"][0]["cache"] = json!(1)),
        ("a wrong type", |b| b["generationConfig"]["maxOutputTokens"] = json!("4096")),
        ("too much output", |b| b["generationConfig"]["maxOutputTokens"] = json!(40_000)),
        ("a bad function name", |b| {
            b["tools"][0]["functionDeclarations"][0]["name"] = json!("read file");
        }),
        ("an unknown mode", |b| {
            b["toolConfig"] = json!({"functionCallingConfig": {"mode": "auto"}});
        }),
        ("an unknown role", |b| b["contents"][0]["role"] = json!("assistant")),
        ("begun by the model", |b| b["contents"][0]["role"] = json!("model")),
        ("no parts", |b| b["contents"][0]["parts"] = json!([])),
        ("two things in a part", |b| {
            b["contents"][0]["parts"][0]["functionCall"] = json!({"name": "x"});
        }),
        ("arguments as a text", |b| {
            b["contents"][1]["parts"][0]["functionCall"]["args"] = json!("{}");
        }),
        ("no signature", |b| remove(&mut b["contents"][1]["parts"][0], "thoughtSignature")),
        ("another signature", |b| {
            b["contents"][1]["parts"][0]["thoughtSignature"] = json!("c2ln");
        }),
        ("other arguments", |b| {
            b["contents"][1]["parts"][0]["functionCall"]["args"] = json!({});
        }),
        ("no response", |b| pop(&mut b["contents"][2]["parts"])),
        ("no turn after the calls", |b| pop(&mut b["contents"])),
        ("a response to nothing", |b| {
            b["contents"].as_array_mut().unwrap().remove(1);
        }),
        ("a response as a text", |b| {
            b["contents"][2]["parts"][0]["functionResponse"]["response"] = json!("a - b");
        }),
        ("another id", |b| {
            b["contents"][2]["parts"][0]["functionResponse"]["id"] = json!("x");
        }),
    ];
    refusals(&set, GEMINI, &body, wrongs, expect![[r#"
        no contents: 400 INVALID_ARGUMENT: * GenerateContentRequest.contents: contents is not specified
        empty contents: 400 INVALID_ARGUMENT: * GenerateContentRequest.contents: contents is not specified
        an unknown field: 400 INVALID_ARGUMENT: Invalid JSON payload received. Unknown name "model": Cannot find field.
        an unknown field below: 400 INVALID_ARGUMENT: Invalid JSON payload received. Unknown name "cache" at 'contents[0].parts[0]': Cannot find field.
        a wrong type: 400 INVALID_ARGUMENT: Invalid value at 'generationConfig.maxOutputTokens': expected an integer, found a string
        too much output: 400 INVALID_ARGUMENT: Unable to submit request because it has a maxOutputTokens value of 40000 but the supported range is from 1 (in
        a bad function name: 400 INVALID_ARGUMENT: * GenerateContentRequest.tools[0].functionDeclarations[0].name: Invalid function name. Must start with a lette
        an unknown mode: 400 INVALID_ARGUMENT: Invalid value at 'toolConfig.functionCallingConfig.mode': "auto" is none of ["MODE_UNSPECIFIED", "AUTO", "ANY"
        an unknown role: 400 INVALID_ARGUMENT: Please use a valid role: user, model.
        begun by the model: 400 INVALID_ARGUMENT: Please ensure that multiturn requests begin with a user turn.
        no parts: 400 INVALID_ARGUMENT: * GenerateContentRequest.contents[0].parts: contents.parts must not be empty.
        two things in a part: 400 INVALID_ARGUMENT: * GenerateContentRequest.contents[0].parts[0].data: required oneof field 'data' must have one initialized fiel
        arguments as a text: 400 INVALID_ARGUMENT: Invalid value at 'contents[1].parts[0].functionCall.args': expected an object, found a string
        no signature: 400 INVALID_ARGUMENT: Function call is missing a thought_signature in functionCall parts. This is required for tools to work correct
        another signature: 400 INVALID_ARGUMENT: Thought signature is not valid.
        other arguments: 400 INVALID_ARGUMENT: contents[1] must come back as the model said it.
        no response: 400 INVALID_ARGUMENT: Please ensure that the number of function response parts is equal to the number of function call parts of the 
        no turn after the calls: 400 INVALID_ARGUMENT: Please ensure that the number of function response parts is equal to the number of function call parts of the 
        a response to nothing: 400 INVALID_ARGUMENT: Please ensure that function response turn comes immediately after a function call turn.
        a response as a text: 400 INVALID_ARGUMENT: Invalid value at 'contents[2].parts[0].functionResponse.response': expected an object, found a string
        another id: 400 INVALID_ARGUMENT: No function call matches the function response with id 'x' and name 'read_file'.
    "#]]).await;
    let snake = body.to_string().replace("maxOutputTokens", "max_output_tokens");
    let snake: Value = serde_json::from_str(&snake).unwrap();
    assert_eq!(send(&set, GEMINI, &snake).await.0, 200, "names are taken in both ways");
}

/// Some fields of an answer.
fn pretty(answer: &Value, names: &[&str]) -> String {
    let chosen = names.iter().map(|name| ((*name).to_owned(), answer[*name].clone()));
    serde_json::to_string_pretty(&Value::Object(chosen.collect())).unwrap()
}

#[tokio::test]
async fn ends_and_failures_have_each_services_words() {
    let script = || {
        Script::new("ends")
            .fails(1, Failure::rate_limited(7))
            .fails(1, Failure::overloaded())
            .fails(1, Failure::unwell())
            .fails(1, Failure::out_of_money())
            .cut("It begins")
    };
    let mut told = String::new();
    for (path, body) in
        [(RESPONSES, responses_body()), (CHAT, chat_body()), (GEMINI, gemini_body())]
    {
        let set = Set::start().await.unwrap();
        set.sim.models().script(script());
        for _ in 0..4 {
            let (status, answer) = send(&set, path, &body).await;
            told.push_str(&format!("{status} {answer}\n"));
        }
        let ends = |answer: &Value| {
            let chat = &answer["choices"][0];
            let all = [
                &answer["status"],
                &answer["incomplete_details"],
                &answer["output"][0]["content"][0]["refusal"],
                &chat["finish_reason"],
                &chat["message"]["refusal"],
                &answer["candidates"][0]["finishReason"],
            ];
            all.into_iter().filter(|v| !v.is_null()).map(|v| format!(" {v}")).collect::<String>()
        };
        told.push_str(&format!("cut:{}\n", ends(&send(&set, path, &body).await.1)));
        set.sim.models().clear_scripts();
        set.sim.models().script(Script::new("no").refuses());
        told.push_str(&format!("refuses:{}\n", ends(&send(&set, path, &body).await.1)));
    }
    expect![[r#"
        429 {"error":{"message":"This request would exceed your organization's rate limit.","type":"requests","param":null,"code":"rate_limit_exceeded"}}
        503 {"error":{"message":"Overloaded","type":"service_unavailable_error","param":null,"code":"server_is_overloaded"}}
        500 {"error":{"message":"Internal server error","type":"server_error","param":null,"code":null}}
        429 {"error":{"message":"Your credit balance is too low; see plans & billing.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}
        cut: "incomplete" {"reason":"max_output_tokens"}
        refuses: "completed" "I'm sorry, but I cannot assist with that request."
        429 {"error":{"message":"This request would exceed your organization's rate limit.","type":"requests","param":null,"code":"rate_limit_exceeded"}}
        503 {"error":{"message":"Overloaded","type":"service_unavailable_error","param":null,"code":"server_is_overloaded"}}
        500 {"error":{"message":"Internal server error","type":"server_error","param":null,"code":null}}
        429 {"error":{"message":"Your credit balance is too low; see plans & billing.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}
        cut: "length"
        refuses: "stop" "I'm sorry, but I cannot assist with that request."
        429 {"error":{"code":429,"message":"This request would exceed your organization's rate limit.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"}]}}
        503 {"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}
        500 {"error":{"code":500,"message":"Internal server error","status":"INTERNAL"}}
        429 {"error":{"code":429,"message":"Your credit balance is too low; see plans & billing.","status":"RESOURCE_EXHAUSTED"}}
        cut: "MAX_TOKENS"
        refuses: "SAFETY"
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn the_keys_are_checked_and_the_models_are_listed() {
    let set = Set::start().await.unwrap();
    let models = set.sim.models();
    let mut told = String::new();
    for (path, header, key) in [
        ("/v1/models", "authorization", format!("Bearer {}", models.openai_key())),
        ("/v1beta/models", "x-goog-api-key", models.gemini_key().to_owned()),
    ] {
        let url = format!("{}{path}", set.sim.models_url());
        for sent in [Some(key.as_str()), Some("Bearer wrong"), None] {
            let request = set.client.get(&url);
            let request = match sent {
                Some(key) => request.header(header, key),
                None => request,
            };
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let text: String = response.text().await.unwrap().chars().take(90).collect();
            told.push_str(&format!("{status} {text}\n"));
        }
    }
    expect![[r#"
        200 {"object":"list","data":[{"id":"gpt-6-astra","object":"model","created":1790000000,"owned_
        401 {"error":{"message":"Incorrect API key provided: wron***.","type":"invalid_request_error",
        401 {"error":{"message":"You didn't provide an API key.","type":"invalid_request_error","param
        200 {"models":[{"name":"models/gemini-4-argon","version":"1","displayName":"gemini-4-argon","i
        400 {"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":
        403 {"error":{"code":403,"message":"Method doesn't allow unregistered callers (callers without
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_long_prompt_is_read_from_the_cache_the_second_time() {
    let set = Set::start().await.unwrap();
    set.sim.models().script(Script::new("hi").says("Hi."));
    let long = "All work and no play. ".repeat(300);
    let (mut responses, mut gemini) = (responses_body(), gemini_body());
    responses["instructions"] = json!(long);
    gemini["systemInstruction"]["parts"][0]["text"] = json!(long);
    let counts = async |path, body: &Value, place: &str| {
        let (_, answer) = send(&set, path, body).await;
        answer.pointer(place).and_then(Value::as_u64).unwrap_or(0)
    };
    let (read, written) = (
        "/usage/input_tokens_details/cached_tokens",
        "/usage/input_tokens_details/cache_write_tokens",
    );
    assert!(counts(RESPONSES, &responses, written).await > 1024);
    assert!(counts(RESPONSES, &responses, read).await > 1024);
    let read = "/usageMetadata/cachedContentTokenCount";
    assert_eq!(counts(GEMINI, &gemini, read).await, 0);
    let cached = counts(GEMINI, &gemini, read).await;
    assert!(cached > 1024);
    assert!(
        counts(GEMINI, &gemini, "/usageMetadata/promptTokenCount").await >= cached,
        "it is part of the prompt"
    );
    let short = responses_body();
    assert_eq!(counts(RESPONSES, &short, written).await, 0, "a short prompt is not kept");
}
