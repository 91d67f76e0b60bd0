import { Ajv2020 } from 'ajv/dist/2020.js';
import { openApiDocument } from '../document.js';
import type { SchemaName } from '../schemas.js';
import { META_SCHEMA } from './meta-schema.js';

/** What is wrong with it, as `where: what`; empty if nothing is. */
type Check = (value: unknown) => string[];

/** Strict: a keyword that it does not know, or that has no effect where it stands, is an error of the schema. */
function newAjv(): Ajv2020 {
  return new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
}

function check(ajv: Ajv2020, schema: object): Check {
  const validate = ajv.compile(schema);
  return (value) => {
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
  };
}

/** Checks a whole document against what OpenAPI 3.1 allows. */
export function documentCheck(): Check {
  return check(newAjv(), META_SCHEMA);
}

/** Checks values against a schema of the document. */
export function schemaCheck(name: SchemaName): Check {
  const id = 'https://spillway.example/openapi.json';
  const ajv = newAjv();
  ajv.addKeyword('components');
  // Its references are those of the document, so they are resolved in it as a whole.
  ajv.addSchema({ $id: id, components: openApiDocument().components });
  return check(ajv, { $ref: `${id}#/components/schemas/${name}` });
}
