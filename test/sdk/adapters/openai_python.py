"""How a program does each thing of features.ts with the OpenAI SDK for Python: a function each, named as there."""
import asyncio
import json
import sys

import openai
import pydantic

client = openai.OpenAI()
completions = client.chat.completions
patient = client.with_options(max_retries=1)
impatient = client.with_options(max_retries=0)

WEATHER = {}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


class Forecast(pydantic.BaseModel):
    city: str
    days: int


def body(ask):
    return {"model": ask["model"], "messages": [{"role": "user", "content": ask["prompt"]}]}


def counts(usage):
    return {"inputTokens": usage.prompt_tokens, "outputTokens": usage.completion_tokens}


def chat(ask):
    answer = completions.create(**body(ask))
    choice = answer.choices[0]
    return {"text": choice.message.content, "finish": choice.finish_reason, **counts(answer.usage)}


def headers(ask):
    answer = completions.with_raw_response.create(**body(ask))
    return {**answer.headers, "x-request-id": answer.parse()._request_id}


def stream(ask):
    chunks = list(completions.create(**body(ask), stream=True))
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    return {"texts": texts, "finish": chunks[-1].choices[0].finish_reason}


def streamUsage(ask):
    chunks = list(completions.create(**body(ask), stream=True, stream_options={"include_usage": True}))
    return counts(chunks[-1].usage)


def use_tools(ask, complete):
    """Asks until the answer calls no more tools."""
    messages = body(ask)["messages"]
    while True:
        message = complete(messages)
        if not message.tool_calls:
            return message.content
        messages.append(message)
        for call in message.tool_calls:
            city = json.loads(call.function.arguments)["city"]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": WEATHER[city]})


def tools(ask):
    def complete(messages):
        return completions.create(model=ask["model"], messages=messages, tools=TOOLS).choices[0].message

    return use_tools(ask, complete)


def streamTools(ask):
    def complete(messages):
        with completions.stream(model=ask["model"], messages=messages, tools=TOOLS) as running:
            return running.get_final_completion().choices[0].message

    return use_tools(ask, complete)


def structured(ask):
    return completions.parse(**body(ask), response_format=Forecast).choices[0].message.parsed.model_dump()


def streamStructured(ask):
    with completions.stream(**body(ask), response_format=Forecast) as running:
        return running.get_final_completion().choices[0].message.parsed.model_dump()


def image(ask, url):
    content = [{"type": "text", "text": ask["prompt"]}, {"type": "image_url", "image_url": {"url": url}}]
    answer = completions.create(model=ask["model"], messages=[{"role": "user", "content": content}])
    return answer.choices[0].message.content


def controls(ask):
    answer = completions.create(**body(ask), extra_body={"spillway": {"cloudModelOnly": True}})
    return answer.choices[0].message.content


def complete(ask):
    answer = client.completions.create(**ask)
    choice = answer.choices[0]
    return {"text": choice.text, "finish": choice.finish_reason, **counts(answer.usage)}


def streamCompletion(ask):
    chunks = list(client.completions.create(**ask, stream=True))
    texts = [chunk.choices[0].text for chunk in chunks if chunk.choices[0].text]
    return {"texts": texts, "finish": chunks[-1].choices[0].finish_reason}


def streamCompletionUsage(ask):
    return counts(list(client.completions.create(**ask, stream=True))[-1].usage)


def embed(ask):
    inputs = ask["inputs"]
    names = {"encoding": "encoding_format", "dimensions": "dimensions"}
    options = {names[name]: ask[name] for name in names if name in ask}
    response = client.embeddings.create(model="vectors", input=inputs if len(inputs) > 1 else inputs[0], **options)
    return [each.embedding for each in response.data]


embedFloat = embedDimensions = embedMany = embed


def moderate(ask):
    return client.moderations.create(model=ask["model"], input=ask["prompt"]).results[0].flagged


def models():
    return [model.id for model in client.models.list()]


def model(name):
    return client.models.retrieve(name).id


def describe(error):
    return {
        "name": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "request": getattr(error, "request_id", None),
        **{name: getattr(error, name, None) for name in ("code", "type", "param")},
    }


def error_of(call):
    try:
        call()
    except openai.OpenAIError as error:
        return describe(error)


def error(ask):
    return error_of(lambda: impatient.chat.completions.create(**body(ask)))


def streamError(ask):
    texts = []

    def read():
        for chunk in completions.create(**body(ask), stream=True):
            texts.append(chunk.choices[0].delta.content)

    raised = error_of(read)
    return {"texts": [text for text in texts if text], "error": raised}


def leave(ask):
    with completions.create(**body(ask), stream=True) as running:
        for chunk in running:
            if chunk.choices[0].delta.content:
                break


def cancel(ask):
    """Cancels the call once there is a line on stdin."""

    async def main():
        async with openai.AsyncOpenAI() as asynchronous:
            call = asyncio.create_task(asynchronous.chat.completions.create(**body(ask)))
            await asyncio.to_thread(sys.stdin.readline)
            call.cancel()
            await asyncio.wait([call])
            assert call.cancelled()

    asyncio.run(main())


def retry(ask):
    return patient.chat.completions.create(**body(ask)).choices[0].message.content


def noRetry(ask):
    return error_of(lambda: patient.chat.completions.create(**body(ask)))
