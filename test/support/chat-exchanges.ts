/**
 * What the chat completions API can ask for and answer, as the texts that go over the wire: with blanks, escapes and
 * numbers that do not survive being parsed and printed again.
 */
export interface ChatExchange {
  readonly what: string;
  /** Members of the request beside `model`, `messages` and `stream`. */
  readonly asks?: string;
  /** The request's messages. Default: one of text. */
  readonly messages?: string;
  /** The message of a whole answer. */
  readonly message?: string;
  /** Members of the choice of a whole answer, and of its top. */
  readonly choice?: string;
  readonly top?: string;
  /** The deltas of a streamed answer, in order. */
  readonly deltas?: readonly string[];
  /** What the SDK makes of the streamed answer. */
  readonly final?: object;
  readonly finish?: string;
}

const TOOLS =
  '"tools": [{"type":"function", "function":{"name":"weather","strict":true,"parameters":{"type":"object","properties":{"city":{"type":"string"}}, "maximum":1.0e2}}},{"type":"custom","custom":{"name":"grep"}}], "tool_choice":"auto","parallel_tool_calls" : true';
const SCHEMA =
  '"response_format":{"type":"json_schema","json_schema":{"name":"person","strict":true,"schema":{"type":"object","properties":{"age":{"type":"integer","maximum":9007199254740993}},"required":["age"],"additionalProperties":false}}}';
const megabytes = (count: number) => 'A/+b'.repeat(count * 262_144);

export const exchanges: readonly ChatExchange[] = [
  {
    what: 'parallel calls of tools',
    asks: TOOLS,
    message:
      '{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"weather","arguments":"{\\"city\\":\\"K\\u00f6ln\\"}"}},{"id":"call_b","type":"function","function":{"name":"weather","arguments":"{}"}}]}',
    deltas: [
      '{"role":"assistant","content":null}',
      '{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"weather","arguments":""}}]}',
      '{"tool_calls":[{"index":0,"function":{"arguments":"{\\"city\\":"}}]}',
      '{"tool_calls":[{"index":0,"function":{"arguments":"\\"K\\u00f6ln\\"}"}}]}',
      '{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"time","arguments":""}}]}',
      '{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}',
    ],
    finish: 'tool_calls',
    final: {
      tool_calls: [
        { id: 'call_a', function: { name: 'weather', arguments: '{"city":"Köln"}' } },
        { id: 'call_b', function: { name: 'time', arguments: '{}' } },
      ],
    },
  },
  {
    what: 'the results of tools, and a developer',
    messages:
      '[{"role":"developer","content":"Be\\tbrief"},{"role":"user","content":"Hi","name":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"f","arguments":"{ }"}}]},{"role":"tool","tool_call_id":"call_a","content":"4.0"}]',
    asks: TOOLS,
    message: '{"role":"assistant","content":"4"}',
    deltas: ['{"role":"assistant","content":"4"}'],
    final: { content: '4' },
  },
  {
    what: 'a legacy call of a function',
    asks: '"functions":[{"name":"f","parameters":{}}],"function_call":{"name":"f"}',
    message: '{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}}',
    deltas: [
      '{"role":"assistant","content":null,"function_call":{"name":"f","arguments":""}}',
      '{"function_call":{"arguments":"{\\"a\\":"}}',
      '{"function_call":{"arguments":"1}"}}',
    ],
    finish: 'function_call',
    final: { function_call: { name: 'f', arguments: '{"a":1}' } },
  },
  {
    what: 'structured output',
    asks: SCHEMA,
    message: '{"role":"assistant","content":"{\\"age\\": 7}","refusal":null,"annotations":[]}',
    deltas: [
      '{"role":"assistant","content":"","refusal":null}',
      '{"content":"{\\"age\\""}',
      '{"content":": 7}"}',
    ],
    final: { content: '{"age": 7}' },
  },
  {
    what: 'a refusal',
    asks: SCHEMA,
    message: '{"role":"assistant","content":null,"refusal":"I can\\u2019t."}',
    deltas: ['{"role":"assistant","refusal":""}', '{"refusal":"I can"}', '{"refusal":"\\u2019t."}'],
    final: { refusal: 'I can’t.' },
  },
  {
    what: 'log probabilities',
    asks: '"logprobs":true,"top_logprobs":2',
    message: '{"role":"assistant","content":"H"}',
    choice:
      ',"logprobs":{"content":[{"token":"H","logprob":-0.00001234567890123456789,"bytes":[72],"top_logprobs":[{"token":"H","logprob":-1e-7,"bytes":null}]}],"refusal":null}',
    deltas: ['{"role":"assistant","content":"H"}'],
    final: { content: 'H' },
  },
  ...(['reasoning_content', 'reasoning'] as const).map((name): ChatExchange => ({
    what: `reasoning as ${name}`,
    messages: `[{"role":"assistant","content":"2","${name}":"1 + 1"},{"role":"user","content":"And?"}]`,
    asks: '"reasoning_effort":"low","verbosity":"low"',
    message: `{"role":"assistant","${name}":"Hm.\\n","content":"3"}`,
    deltas: [`{"role":"assistant","${name}":"Hm"}`, `{"${name}":".\\n","content":null}`, '{"content":"3"}'],
    final: { content: '3' },
  })),
  {
    what: 'reasoning details that come back signed',
    messages:
      '[{"role":"assistant","content":"2","reasoning_details":[{"type":"reasoning.encrypted","data":"c2ln+/=","index":0}]},{"role":"user","content":"And?"}]',
    asks: '"include_reasoning" :true',
    message:
      '{"role":"assistant","content":"3","reasoning_details":[{"type":"reasoning.text","text":"Hm","signature":null}]}',
    deltas: [
      '{"role":"assistant","reasoning_details":[{"type":"reasoning.text","text":"Hm","index":0}],"content":""}',
      '{"content":"3"}',
    ],
    final: { content: '3' },
  },
  {
    what: 'an answer of sound',
    asks: '"modalities":["text","audio"],"audio":{"voice":"alloy","format":"pcm16"}',
    message:
      '{"role":"assistant","content":null,"audio":{"id":"audio_1","expires_at":1729018505,"data":"UklGRg==","transcript":"Hi"}}',
    deltas: [
      '{"role":"assistant","audio":{"id":"audio_1","transcript":"H"}}',
      '{"audio":{"data":"UklG"}}',
      '{"audio":{"transcript":"i","data":"Rg=="}}',
      '{"audio":{"expires_at":1729018505}}',
    ],
  },
  {
    what: 'an image, a sound and a file of several MB',
    messages: `[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,${megabytes(2)}","detail":"low"}},{"type":"input_audio","input_audio":{"data":"${megabytes(2)}","format":"wav"}},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,${megabytes(2)}"}}]}]`,
    message: '{"role":"assistant","content":"A dog"}',
    deltas: ['{"role":"assistant","content":"A dog"}'],
    final: { content: 'A dog' },
  },
  {
    what: 'a predicted output',
    asks: '"prediction":{"type":"content","content":[{"type":"text","text":"a = 1;\\n"}]}',
    message: '{"role":"assistant","content":"a = 2;\\n"}',
    top: ',"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"completion_tokens_details":{"accepted_prediction_tokens":1,"rejected_prediction_tokens":1}}',
    deltas: ['{"role":"assistant","content":"a = 2;\\n"}'],
    final: { content: 'a = 2;\n' },
  },
  {
    what: 'a service tier, metadata and what is stored',
    asks: '"service_tier":"flex","store":true,"metadata":{"run":"7"},"user":"u","safety_identifier":"s","prompt_cache_key":"k"',
    message: '{"role":"assistant","content":"Hi"}',
    top: ',"service_tier":"default","system_fingerprint":"fp_1"',
    deltas: ['{"role":"assistant","content":"Hi"}'],
    final: { content: 'Hi' },
  },
  {
    what: 'both names of the longest answer, and numbers beyond doubles',
    asks: '"max_tokens":5,"max_completion_tokens": 6,"seed":12345678901234567890,"temperature":1.0,"top_p":1e-1,"logit_bias":{"50256":-100}',
    message: '{"role":"assistant","content":"Hi"}',
    top: ',"big":12345678901234567890',
    deltas: ['{"role":"assistant","content":"Hi"}'],
    final: { content: 'Hi' },
  },
  {
    what: 'members that nobody here knows',
    messages: '[{"role":"user","content":"Hi","weight":0.50}]',
    asks: '"guided_json":{"a":[1.0]},"chat_template_kwargs":{"enable_thinking":false},"\\u0078_new":null',
    message: '{"role":"assistant","content":"Hi","mood":"\\u263a"}',
    choice: ',"stop_reason":null,"matched_stop":2.0',
    top: ',"x_groq":{"id":"r"}',
    deltas: ['{"role":"assistant","content":"Hi","mood":"\\u263a"}'],
    final: { content: 'Hi' },
  },
];
