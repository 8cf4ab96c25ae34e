// Prices: a table of tests, names made at run time, a skipped test and one to do.
const rates = { DE: 19, FR: 20, LU: 17 };

describe('price', () => {
  test.each(Object.entries(rates))('tax of %s is %i percent', (_country, rate) => {
    expect(rate).toBeGreaterThan(0);
  });

  for (const net of [0, 100]) {
    test(`net ${net} (a+b)* [x]`, () => expect(net).toBeGreaterThanOrEqual(0));
  }

  test.skip('norway', () => {
    throw new Error('a skipped test must not run');
  });
  test.todo('rounding');

  test('the switch', () => {
    expect(process.env.SUITE_FAIL).toBeFalsy();
  });
});
