/** A block of code of one of the documents whose programs must run unchanged. */
export interface SnippetBlock {
  /** Start of the SHA-256 of its text without white space, which one document has lost. */
  readonly fingerprint: string;
  /** Where its text stands under test/sdk/snippets; more than one where the block has a program per language. */
  readonly files: readonly string[];
}

/** The row of docs/compatibility.md for a block that is no program stands under this name. */
interface ListedBlock {
  readonly fingerprint: string;
  readonly listed: string;
}

const inFile = (fingerprint: string, ...files: readonly string[]): SnippetBlock => ({ fingerprint, files });
const notProgram = (fingerprint: string, listed: string): ListedBlock => ({ fingerprint, listed });

/** Every block of code of the documents, in their order. */
export const DOCUMENTS: Readonly<Record<string, readonly (SnippetBlock | ListedBlock)[]>> = {
  fallbakit: [
    notProgram('59963bba22c966d9', 'npm install openai'),
    inFile('1543487611e51e74', 'node/fallbakit-basic.mjs'),
    notProgram('9d4dbc8bd813f77a', 'python -m pip install openai'),
    inFile('0af64168abf4d92b', 'python/fallbakit-basic.py'),
    inFile('09d7769ab52365f5', 'node/fallbakit-streaming.mjs'),
    inFile('2a8fcf1492537948', 'python/fallbakit-streaming.py'),
    inFile('5cc0ab0597f39379', 'node/fallbakit-fallback-controls.mjs'),
    inFile('dbf34bac0e094be9', 'python/fallbakit-fallback-controls.py'),
  ],
  agentgateway: [
    notProgram('c82dc9b88892302a', 'pip install openai'),
    inFile('00d7fb34a60d33d5', 'python/agentgateway-basic.py'),
    inFile('47275478f26abbd8', 'shell/agentgateway-environment.sh'),
    inFile('a58fc867aaf8397c', 'python/agentgateway-environment.py'),
    inFile('8f7fe36a165a753c', 'python/agentgateway-streaming.py'),
    inFile('20aeca6f835789b0', 'python/agentgateway-parameters.py'),
    inFile('6ef8615d5d881063', 'python/agentgateway-errors.py'),
    notProgram('e9d0c52c3ae81645', 'npm install openai, yarn add openai'),
    inFile('55f6b0ec38e0ad58', 'node/agentgateway-basic.mjs'),
    inFile('47275478f26abbd8', 'shell/agentgateway-environment.sh'),
    inFile('158e950b10a93a13', 'node/agentgateway-environment.mjs'),
    inFile('807d000b6eec7673', 'node/agentgateway-streaming.mjs'),
    inFile('a81c7ef9b9a41240', 'node/agentgateway-parameters.mjs'),
    inFile('06d31075b62f03f3', 'node/agentgateway-errors.mjs'),
    notProgram('3e8f1a402d1df829', "the gateway's YAML"),
    inFile('360dc1ff9fc38a5b', 'python/agentgateway-tools.py'),
    inFile('b419e23fc81b92e6', 'node/agentgateway-tools.mjs'),
    inFile('c14e30657f1fc705', 'python/agentgateway-embeddings.py'),
    inFile('3fa12d40985f552b', 'node/agentgateway-embeddings.mjs'),
    inFile(
      '645b89e4168660d2',
      'shell/agentgateway-verification-python.sh',
      'shell/agentgateway-verification-node.sh',
    ),
    inFile('03d2175be67733ce', 'shell/agentgateway-models.sh'),
  ],
  // Its blocks of code are missing; what is left stands in the newer edition, `fireworks`, too.
  'fireworks, older edition': [],
  fireworks: [
    inFile('994211391c24b7f5', 'python/fireworks-client.py'),
    inFile('8c5bcb72bee93a15', 'python/fireworks-environment.py'),
    inFile('886e62adf6e1307a', 'shell/fireworks-environment.sh'),
    inFile('4c294a56dc7527d2', 'python/fireworks-process-wide.py'),
    inFile('5ff47d36d9dc0c2a', 'python/fireworks-completion.py'),
    inFile('054cf3d5f1ac1693', 'python/fireworks-chat.py'),
    inFile('8388c4e9c9271ec1', 'shell/fireworks-completion.sh'),
    notProgram('aafe8a4dd945cae8', 'the lines of a stream with usage'),
    inFile('0f5eda60699c394c', 'python/fireworks-old-loop.py'),
    notProgram('fa2aeaecedfd3c72', 'the TypeScript loop over usage'),
  ],
};
