import type { DiscoveredService } from './discover.js';

/** The models that each address answered with; absent: it did not answer. */
export type Answers = ReadonlyMap<string, readonly string[]>;

/** What was found without a file and where each provider comes from, a line each; no key, only its variable's name. */
export function describeServices(services: readonly DiscoveredService[], answers: Answers): string[] {
  const absent = services.flatMap((service) =>
    service.by === 'address' && !answers.has(service.name) ? [`${service.name} at ${service.baseUrl}`] : [],
  );
  const found = services.flatMap((service) => describeFound(service, answers));
  const demo = services.some(({ by }) => by === 'nothing-else') && found.length === 0;
  return [
    ...found,
    ...(demo ? ['found no model server and no API key: the built-in demo answers, whatever is asked'] : []),
    ...(absent.length > 0 ? [`not there: ${absent.join(', ')} (looked for again every few seconds)`] : []),
  ];
}

function describeFound(service: DiscoveredService, answers: Answers): string[] {
  const { name } = service;
  switch (service.by) {
    case 'key': {
      const { variable, fallbackModel } = service;
      const role = fallbackModel === undefined ? '' : `; takes over from local models with ${fallbackModel}`;
      return [`found ${name} (cloud): ${variable} is set${role}`];
    }
    case 'address': {
      const count = answers.get(name)?.length;
      if (count === undefined) return [];
      const models = `${count} ${count === 1 ? 'model' : 'models'}`;
      return [`found ${name} (${service.location}): answers at ${service.baseUrl} with ${models}`];
    }
    case 'nothing-else':
      return [];
  }
}
