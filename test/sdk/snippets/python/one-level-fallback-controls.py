completion = client.chat.completions.create(
    model="llama3.2",
    messages=[{"role": "user", "content": "Summarize local-first routing."}],
    extra_body={
        "fallbakit": {
            "fallbackProvider": "openai",
            "fallbackModel": "gpt-4o-mini",
        }
    },
)
