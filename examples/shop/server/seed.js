// What every fresh shop starts with. Prices are in cents; `hue` and `icon` are for the picture.

export const ACCOUNTS = [
  { email: "admin@shop.example", name: "Shop Admin", password: "admin-demo", role: "admin" },
  { email: "customer@shop.example", name: "Demo Customer", password: "customer-demo", role: "customer" },
];

export const PRODUCTS = [
  product("sencha", "Sencha Green Tea", "tea", 1290, 40, "leaf", 140, "Steamed spring leaves with a fresh, grassy cup. 100 g."),
  product("earl-grey", "Earl Grey", "tea", 990, 60, "leaf", 220, "Black tea with oil of bergamot, as it should be. 100 g."),
  product("rooibos", "Rooibos Vanilla", "tea", 890, 25, "leaf", 20, "Red bush with real vanilla pieces; no caffeine. 100 g."),
  product("jasmine", "Jasmine Pearls", "tea", 2450, 8, "leaf", 95, "Hand-rolled pearls scented with jasmine blossom. 50 g."),
  product("teapot", "Stoneware Teapot", "pots", 4200, 12, "pot", 30, "Holds 900 ml, does not drip, survives the dishwasher."),
  product("kettle", "Gooseneck Kettle", "pots", 6900, 5, "pot", 200, "Brushed steel with a steady spout and a thermometer."),
  product("cup", "Double-wall Cup", "cups", 1450, 30, "cup", 190, "Borosilicate glass that stays cool outside. 250 ml."),
  product("mug", "Speckled Mug", "cups", 1150, 50, "cup", 45, "A heavy mug for long mornings. 350 ml."),
  product("strainer", "Fine Strainer", "tools", 750, 35, "tool", 260, "Steel mesh fine enough for rooibos."),
  product("scale", "Pocket Scale", "tools", 2990, 0, "tool", 330, "Weighs to a tenth of a gram. Batteries included."),
  product("timer", "Sand Timer", "tools", 1600, 14, "tool", 170, "Three, four and five minutes side by side."),
  product("tin", "Storage Tin", "tools", 690, 80, "tool", 60, "Airtight, for 150 g of leaves."),
];

export const VOUCHERS = { WELCOME10: 10 };

function product(id, name, category, priceCents, stock, icon, hue, description) {
  return { id, name, category, priceCents, stock, icon, hue, description, listed: true };
}
