"""Drives the providers' own SDKs against the simulator, as strictly as they can be told to, and
prints what they made of its answers. `tests/it/simulator/sdks.rs` starts it and compares."""

import json
import os
import sys

import anthropic
import openai
from google import genai
from google.genai import errors, types

URL = os.environ["MODELS_URL"]
TOOL = "read_file"
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
PATHS = ["src/lib.rs", "README.md"]


class Anthropic:
    """The Messages API."""

    model = "claude-sonnet-5-5"
    failures = (anthropic.APIStatusError,)

    def __init__(self, key=os.environ["ANTHROPIC_API_KEY"], retries=0):
        self.client = anthropic.Anthropic(
            api_key=key,
            base_url=URL,
            max_retries=retries,
            timeout=60,  # Without one it refuses long answers by itself.
            _strict_response_validation=True,
        )

    def begin(self, words):
        return [{"role": "user", "content": words}]

    def ask(self, messages, model=None, limit=1000, **more):
        tools = [{"name": TOOL, "description": "Reads.", "input_schema": SCHEMA}]
        return self.client.messages.create(
            model=model or self.model, max_tokens=limit, messages=messages, tools=tools, **more
        )

    def thought(self, answer):
        return any(block.type == "thinking" and block.signature for block in answer.content)

    def calls(self, answer):
        return [(b.id, b.name, b.input["path"]) for b in answer.content if b.type == "tool_use"]

    def said(self, answer):
        return "".join(block.text for block in answer.content if block.type == "text")

    def end(self, answer):
        return answer.stop_reason

    def counts(self, answer):
        usage = answer.usage
        read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
        return usage.input_tokens + read + written, read, usage.output_tokens

    def go_on(self, messages, answer, results):
        blocks = [{"type": "tool_result", "tool_use_id": i, "content": r} for i, _, r in results]
        return messages + [
            {"role": "assistant", "content": answer.content},
            {"role": "user", "content": blocks},
        ]

    def without_thought(self, messages):
        kept = [block for block in messages[1]["content"] if block.type != "thinking"]
        return [messages[0], {"role": "assistant", "content": kept}, *messages[2:]]

    def wait(self, error):
        return error.response.headers.get("retry-after")

    def name(self, error):
        return error.body["error"]["type"]


class Responses:
    """OpenAI's Responses API."""

    model = "gpt-6.2-sol"
    failures = (openai.APIStatusError,)

    def __init__(self, key=os.environ["OPENAI_API_KEY"], retries=0):
        self.client = openai.OpenAI(
            api_key=key,
            base_url=f"{URL}/v1",
            max_retries=retries,
            _strict_response_validation=True,
        )

    def begin(self, words):
        return [{"role": "user", "content": words}]

    def ask(self, items, model=None, limit=1000, **more):
        tool = {"type": "function", "name": TOOL, "parameters": SCHEMA, "strict": False}
        return self.client.responses.create(
            model=model or self.model,
            input=items,
            tools=[tool],
            max_output_tokens=limit,
            store=False,
            include=["reasoning.encrypted_content"],
            **more,
        )

    def thought(self, answer):
        return any(item.type == "reasoning" and item.encrypted_content for item in answer.output)

    def calls(self, answer):
        calls = [item for item in answer.output if item.type == "function_call"]
        return [(c.call_id, c.name, json.loads(c.arguments)["path"]) for c in calls]

    def said(self, answer):
        return answer.output_text

    def end(self, answer):
        if answer.incomplete_details:
            return f"{answer.status}: {answer.incomplete_details.reason}"
        parts = [part for item in answer.output if item.type == "message" for part in item.content]
        refusals = [part.refusal for part in parts if part.type == "refusal"]
        return f"{answer.status}: {refusals[0]}" if refusals else answer.status

    def counts(self, answer):
        usage = answer.usage
        return usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens

    def go_on(self, items, answer, results):
        outputs = [
            {"type": "function_call_output", "call_id": i, "output": r} for i, _, r in results
        ]
        return items + answer.output + outputs

    def without_thought(self, items):
        return [i for i in items if isinstance(i, dict) or i.type != "reasoning"]

    def wait(self, error):
        return error.response.headers.get("retry-after")

    def name(self, error):
        return error.code or error.type


class Chat(Responses):
    """OpenAI's Chat Completions."""

    model = "gpt-6-luna"

    def ask(self, messages, model=None, limit=1000, **more):
        tool = {"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}
        return self.client.chat.completions.create(
            model=model or self.model,
            messages=messages,
            tools=[tool],
            max_completion_tokens=limit,
            **more,
        )

    def thought(self, answer):
        return answer.usage.completion_tokens_details.reasoning_tokens > 0

    def calls(self, answer):
        calls = answer.choices[0].message.tool_calls or []
        named = [(call.id, call.function) for call in calls]
        return [(i, f.name, json.loads(f.arguments)["path"]) for i, f in named]

    def said(self, answer):
        return answer.choices[0].message.content or ""

    def end(self, answer):
        refusal = answer.choices[0].message.refusal
        reason = answer.choices[0].finish_reason
        return f"{reason}: {refusal}" if refusal else reason

    def counts(self, answer):
        usage = answer.usage
        cached = usage.prompt_tokens_details.cached_tokens
        return usage.prompt_tokens, cached, usage.completion_tokens

    def go_on(self, messages, answer, results):
        tools = [{"role": "tool", "tool_call_id": i, "content": r} for i, _, r in results]
        return messages + [answer.choices[0].message] + tools

    def without_thought(self, messages):
        return None


class Gemini:
    """Google's generateContent."""

    model = "gemini-4-argon"
    failures = (errors.APIError,)

    def __init__(self, key=os.environ["GEMINI_API_KEY"], retries=0):
        options = types.HttpRetryOptions(attempts=retries + 1) if retries else None
        http = types.HttpOptions(
            base_url=URL,
            api_version="v1beta",
            retry_options=options,
            client_args={"event_hooks": {"response": [self.is_strict]}},
        )
        self.client = genai.Client(api_key=key, http_options=http)

    def begin(self, words):
        return [types.Content(role="user", parts=[types.Part(text=words)])]

    def ask(self, contents, model=None, limit=1000, **more):
        tool = types.FunctionDeclaration(name=TOOL, parameters_json_schema=SCHEMA)
        config = types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=[tool])],
            max_output_tokens=limit,
            thinking_config=types.ThinkingConfig(include_thoughts=True),
        )
        return self.client.models.generate_content(
            model=model or self.model, contents=contents, config=config, **more
        )

    @staticmethod
    def is_strict(response):
        """The SDK itself takes what it does not know; its types do not."""
        response.read()
        if response.status_code == 200:
            types.GenerateContentResponse.model_validate_json(response.text)

    def parts(self, answer):
        content = answer.candidates[0].content
        return (content and content.parts) or []

    def thought(self, answer):
        parts = self.parts(answer)
        return any(p.thought for p in parts) and any(p.thought_signature for p in parts)

    def calls(self, answer):
        calls = [part.function_call for part in self.parts(answer) if part.function_call]
        return [(call.id, call.name, call.args["path"]) for call in calls]

    def said(self, answer):
        return "".join(p.text for p in self.parts(answer) if p.text and not p.thought)

    def end(self, answer):
        return answer.candidates[0].finish_reason.value

    def counts(self, answer):
        usage = answer.usage_metadata
        output = usage.candidates_token_count + (usage.thoughts_token_count or 0)
        return usage.prompt_token_count, usage.cached_content_token_count or 0, output

    def go_on(self, contents, answer, results):
        response = lambda i, n, r: types.FunctionResponse(id=i, name=n, response={"result": r})
        parts = [types.Part(function_response=response(*result)) for result in results]
        return contents + [
            answer.candidates[0].content,
            types.Content(role="user", parts=parts),
        ]

    def without_thought(self, contents):
        parts = [p.model_copy(update={"thought_signature": None}) for p in contents[1].parts]
        return [contents[0], types.Content(role="model", parts=parts), *contents[2:]]

    def wait(self, error):
        details = error.details["error"].get("details", [])
        return next((d["retryDelay"] for d in details if "retryDelay" in d), None)

    def name(self, error):
        return error.status


def refused(sdk, attempt):
    """How a request that is wrong is refused, in a word."""
    try:
        attempt()
    except sdk.failures as error:
        status = getattr(error, "status_code", None) or error.code
        return f"{type(error).__name__} {status} {sdk.name(error)}"
    return "not refused"


def drive(kind):
    sdk = kind()
    begun = sdk.begin("case: tools")
    answer = sdk.ask(begun)
    calls = sdk.calls(answer)
    yield f"thought: {sdk.thought(answer)}, calls: {[path for _, _, path in calls]}"
    yield f"prompt, cached, output: {sdk.counts(answer)}, end: {sdk.end(answer)}"
    results = [(i, name, f"content of {path}") for i, name, path in calls]
    going_on = sdk.go_on(begun, answer, results)
    answer = sdk.ask(going_on)
    yield f"then it says: {sdk.said(answer)!r}, end: {sdk.end(answer)}"
    yield f"refusal: {sdk.end(sdk.ask(sdk.begin('case: refusal')))}"
    answer = sdk.ask(sdk.begin("case: cut"))
    yield f"cut: {sdk.said(answer)!r}, end: {sdk.end(answer)}"
    try:
        sdk.ask(sdk.begin(f"{kind.__name__}: busy"))
        yield "busy: not refused"
    except sdk.failures as error:
        yield f"busy: {sdk.name(error)}, to be asked again after {sdk.wait(error)}"
    patient = kind(retries=1)
    yield f"with patience: {sdk.said(patient.ask(patient.begin(f'{kind.__name__}: busy')))!r}"
    try:
        nonsense = sdk.ask(sdk.begin("case: nonsense"))
        yield f"nonsense: {nonsense}"
    except Exception as error:  # Each SDK has its own.
        yield f"nonsense: {type(error).__name__}"
    yield f"a wrong key: {refused(sdk, lambda: kind(key='wrong').ask(begun))}"
    yield f"an unknown model: {refused(sdk, lambda: sdk.ask(begun, model='abacus-1'))}"
    yield f"too much output: {refused(sdk, lambda: sdk.ask(begun, limit=10_000_000))}"
    fewer = sdk.go_on(begun, sdk.ask(begun), results[:1])
    yield f"a call without an answer: {refused(sdk, lambda: sdk.ask(fewer))}"
    strange = sdk.go_on(begun, sdk.ask(begun), results + [("call_x", TOOL, "?")])
    yield f"an answer without a call: {refused(sdk, lambda: sdk.ask(strange))}"
    thoughtless = sdk.without_thought(going_on)
    if thoughtless is not None:
        yield f"without the thought: {refused(sdk, lambda: sdk.ask(thoughtless))}"


for kind in (Anthropic, Responses, Chat, Gemini):
    print(f"{kind.__name__}: {kind.__doc__}")
    for line in drive(kind):
        print(f"  {line}")
    sys.stdout.flush()
