"""Runs the programs that a test sends, one JSON string per line, in one process that has imported the SDK."""
import json
import sys
import traceback

import openai


def say(**value):
    print(json.dumps({"said": value}), flush=True)


def say_error(error):
    response = getattr(error, "response", None)
    say(
        error=type(error).__name__,
        status=getattr(error, "status_code", None),
        request_id=getattr(error, "request_id", None),
        headers=dict(response.headers) if response is not None else {},
        **{name: getattr(error, name, None) for name in ("code", "type", "param", "message")},
    )


for line in sys.stdin:
    try:
        names = {"openai": openai, "say": say, "say_error": say_error}
        exec(compile(json.loads(line), "the test's program", "exec"), names)
        print(json.dumps({"ended": None}), flush=True)
    except BaseException:
        print(json.dumps({"ended": traceback.format_exc()}), flush=True)
