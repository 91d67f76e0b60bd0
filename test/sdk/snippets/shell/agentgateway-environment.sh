export OPENAI_API_BASE=http://localhost:3000/v1
export OPENAI_API_KEY=anything
