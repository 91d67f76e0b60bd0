import OpenAI from "openai";
const client = new OpenAI({
  apiKey: process.env.FALLBAKIT_API_KEY,
  baseURL: process.env.FALLBAKIT_OPENAI_BASE_URL ?? "https://api.fallbakit.com/v1",
});
const completion = await client.chat.completions.create({
  model: process.env.FALLBAKIT_MODEL ?? "llama3.2",
  messages: [{ role: "user", content: "Write a tiny launch checklist." }],
});
console.log(completion.choices[0]?.message?.content);
