import { ArrayNotEmpty, IsArray, IsNotEmpty, IsString } from 'class-validator';
import { EachPasses, InferenceBody, isObject } from './members.js';

/** What the broker needs of a request to put documents in order. */
export class RerankBody extends InferenceBody {
  @IsString({ message: 'must be a string' })
  @IsNotEmpty({ message: 'must not be empty' })
  query!: string;

  @IsArray({ message: 'must be an array of documents' })
  @ArrayNotEmpty({ message: 'must hold at least one document' })
  @EachPasses(isDocument, 'must be a string or an object')
  documents!: unknown[];
}

function isDocument(value: unknown): boolean {
  return typeof value === 'string' || isObject(value);
}
