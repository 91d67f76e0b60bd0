import type { z } from 'zod';
import type { ConfigPath, PathProblem } from './problem.js';

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a whole number',
  array: 'a list',
  object: 'a map of settings',
  record: 'a map of names',
};

/**
 * Our words for what the schema finds, given to its `parse`. Never quotes the input, which may be a secret or come
 * from the environment.
 */
export function issueMessage(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'this is required';
      return `expected ${NOUNS[issue.expected] ?? issue.expected}, got ${nounOf(issue.input)}`;
    case 'too_small':
      return typeof issue.input === 'number' ? `must be at least ${issue.minimum}` : 'must not be empty';
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_value':
      if (issue.input === undefined) return `this is required: ${issue.values.map(String).join(' or ')}`;
      return `expected ${issue.values.map(String).join(' or ')}`;
    case 'invalid_union':
      return `expected one of the known kinds: ${(issue['options'] as readonly unknown[] | undefined)?.map(String).join(', ')}`;
    default:
      return undefined;
  }
}

function nounOf(input: unknown): string {
  if (input === null) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a map';
  if (typeof input === 'string') return 'text';
  if (typeof input === 'number') return Number.isInteger(input) ? 'a number' : 'a number with a fraction';
  return typeof input === 'boolean' ? 'true or false' : 'something else';
}

/** The schema's issues as problems: each unknown key at its own place, a bad name at the name. */
export function describeIssues(issues: readonly z.core.$ZodIssue[]): PathProblem[] {
  return issues.flatMap((issue) => {
    const path: ConfigPath = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.code === 'unrecognized_keys') {
      const messages = issue.message.split('\n');
      return issue.keys.map((key, index) => ({
        path: [...path, key],
        message: messages[index] ?? 'unknown key',
      }));
    }
    if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message }];
    return [{ path, message: issue.message }];
  });
}
