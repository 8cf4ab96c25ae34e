// The cart: nested describes, a unicode name, and a file that can be emptied.
import { describe, expect, test } from 'vitest';

if (!process.env.SUITE_EMPTY) {
  describe('cart', () => {
    test('starts empty', () => expect([]).toHaveLength(0));

    describe('with goods', () => {
      test('größe wächst ✓', async () => expect(['apple']).toHaveLength(1));
      test('same name', () => expect(1).toBe(1));
    });

    test('same name', () => expect(1).toBe(1));
  });
}
