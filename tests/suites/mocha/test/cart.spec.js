// The cart: nested describes, a unicode name, and a file that can be emptied.
const assert = require('node:assert');

if (!process.env.SUITE_EMPTY) {
  describe('cart', () => {
    it('starts empty', () => assert.equal([].length, 0));

    describe('with goods', () => {
      it('größe wächst ✓', async () => assert.equal(['apple'].length, 1));
      it('same name', () => assert(true));
    });

    it('same name', (done) => setImmediate(done));
  });
}
