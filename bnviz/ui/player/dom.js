// Elements, and where the app is.
/**
 * An element; attributes that begin with "on" are listeners, null and false are left out.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | number)} children
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(.../** @type {(Node | string)[]} */ (children));
  return node;
}

// The app may live below a path, and the page below that: Streamlit's own script says where the app begins, or the page's base.
/** @param {string} path */
export function appUrl(path) {
  const own = [...document.scripts].find((script) => script.src.includes("/static/js/"));
  const base = own ? own.src.split("static/js/")[0] : new URL("./", document.baseURI).href;
  return new URL(path.replace(/^\//, ""), base);
}

export const words = (spans) => spans.map((span) => el(armColor(span) ? "strong" : "span", { style: armColor(span) }, span.text));

export const armColor = (part) => (part.arm === undefined || part.arm === null ? null : `color: var(--bnviz-arm-${part.arm})`);
