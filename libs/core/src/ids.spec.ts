import { describe, expect, it } from '@jest/globals';
import { jobId, partsOfJobId, requestId } from './ids.js';

describe('partsOfJobId', () => {
  it('takes apart what jobId put together', () => {
    const request = requestId(3, '01JDM3Z4V5W6X7Y8Z9ABCDEFGH');
    expect(partsOfJobId(jobId(request, 12, 3))).toEqual({ request, attempt: 12, placement: 3 });
  });

  it.each(['', '7', 'req_0_short-1-1', 'repeat:abc:123', 'req_0_01JDM3Z4V5W6X7Y8Z9ABCDEFGH-1'])(
    'knows that %j is no job of ours',
    (id) => expect(partsOfJobId(id)).toBeUndefined(),
  );
});
