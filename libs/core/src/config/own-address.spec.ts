import { describe, expect, it } from '@jest/globals';
import { isOwnAddress } from './own-address.js';

describe('isOwnAddress', () => {
  it.each([
    ...['127.0.0.1', '10.1.2.3', '192.168.0.9', '172.16.0.1', '172.31.255.1', '169.254.1.1'],
    ...['[::1]', '[fd00::1]', '[fe80::1]'],
    ...['localhost', 'ollama', 'gpu-box', 'GPU.local', 'host.docker.internal', 'box.lan', 'nas.home.arpa'],
  ])('%s is of the own network', (host) => expect(isOwnAddress(host)).toBe(true));

  it.each([
    ...['8.8.8.8', '172.32.0.1', '172.15.0.1', '192.169.0.1', '100.64.0.1', '11.0.0.1'],
    ...['[2001:db8::1]', '[::]', '[::ffff:8.8.8.8]'],
    ...['ollama.com', 'local.example.com', 'internal.dev', '10.example.com'],
  ])('%s is not known to be', (host) => expect(isOwnAddress(host)).toBe(false));
});
