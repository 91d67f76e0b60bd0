/** As 32-bit floats, little-endian, in base64: what both SDKs ask for and decode where their user asks for neither. */
export function toBase64(embedding: string | readonly number[]): string {
  if (typeof embedding === 'string') return embedding;
  const bytes = Buffer.alloc(embedding.length * 4);
  for (const [at, value] of embedding.entries()) bytes.writeFloatLE(value, at * 4);
  return bytes.toString('base64');
}

/** As numbers. */
export function toFloats(embedding: string | readonly number[]): readonly number[] {
  if (typeof embedding !== 'string') return embedding;
  const bytes = Buffer.from(embedding, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(at * 4));
}
