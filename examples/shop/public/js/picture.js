// A picture for each product, drawn from its icon and hue: no image files to ship.

const SVG = "http://www.w3.org/2000/svg";

const SHAPES = {
  leaf: ["M100 30c48 30 52 84 0 122-52-38-48-92 0-122z", "M100 52v90"],
  pot: ["M58 78h84c10 28 4 56-14 70H72C54 134 48 106 58 78z", "M84 66h32M100 54v12M142 92c26-6 26 34-2 32M56 100c-18-2-22-18-30-26"],
  cup: ["M60 62h76v52c0 22-14 34-38 34s-38-12-38-34z", "M136 76c30-6 30 40-2 38M50 160h98"],
  tool: ["M100 40a34 34 0 1 1 0 68 34 34 0 1 1 0-68z", "M100 108v52M84 74h32"],
};

export function picture({ icon, hue, name }) {
  const svg = element("svg", { viewBox: "0 0 200 150", class: "picture", role: "img", "aria-label": name });
  const [filled, drawn] = SHAPES[icon] ?? SHAPES.tool;
  const group = element("g", { transform: "translate(0 -22)" });
  group.append(
    element("path", { d: filled, fill: `hsl(${hue} 38% 46%)` }),
    element("path", { d: drawn, fill: "none", stroke: `hsl(${hue} 30% 28%)`, "stroke-width": 7, "stroke-linecap": "round" }),
  );
  svg.append(element("rect", { width: 200, height: 150, fill: `hsl(${hue} 42% 91%)` }), group);
  return svg;
}

function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
