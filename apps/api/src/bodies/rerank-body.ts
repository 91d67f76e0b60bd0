import { ArrayNotEmpty, IsArray, IsNotEmpty, IsString } from 'class-validator';
import { InferenceBody, Passes } from './members.js';

/** What the broker needs of a request to put documents in order. */
export class RerankBody extends InferenceBody {
  @IsString({ message: 'must be a string' })
  @IsNotEmpty({ message: 'must not be empty' })
  query!: string;

  @IsArray({ message: 'must be an array of documents' })
  @ArrayNotEmpty({ message: 'must hold at least one document' })
  @Passes(areDocuments, 'must hold strings or objects only')
  documents!: unknown[];
}

function areDocuments(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' || isObject(item));
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
