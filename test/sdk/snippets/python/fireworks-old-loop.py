for chunk in openai.ChatCompletion.create(...): print(chunk["usage"])
