// A picture of one chart, to be read alone: with its title, what its colours stand for, and names on both axes.
import { el } from "./dom.js";
import { keep } from "./save.js";
import { openSheet } from "./sheet.js";

const SIZE = { width: 800, height: 500, scale: 2 }; // pixels of the layout; the file has 1600 x 1000
const FORMATS = { png: "1600 × 1000 pixels, for slides and messages.", svg: "Lines and text that stay sharp at any size, for print." };

export const pictureButton = (s, panel) => el("button", { class: "bnviz-picture", "aria-label": "Save a picture of this chart",
  title: "Save a picture of this chart", onclick: () => openPicture(s, panel) });

function openPicture(s, panel) {
  const ways = Object.entries(FORMATS).map(([format, about]) => el("li", {}, el("button", { class: "bnviz-button",
    onclick: () => { s.sheet?.close(); save(s, panel, format); } }, format.toUpperCase()), el("span", {}, about)));
  openSheet(s, "Picture of this chart", el("ul", { class: "bnviz-ways" }, ...ways));
}

async function save(s, panel, format) {
  const address = await window.Plotly.toImage(pictureOf(s, panel), { format, ...SIZE });
  const [head, body] = [address.slice(0, address.indexOf(",")), address.slice(address.indexOf(",") + 1)];
  const bytes = head.endsWith(";base64") ? Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0)) : decodeURIComponent(body);
  keep(new Blob([bytes], { type: head.slice(5).split(/[;,]/)[0] }), `bnviz-${panel.described.id}-step${s.root.dataset.step}.${format}`);
}

const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);
const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const chosen = (part) => (part.switch ? part.options.find(({ value }) => value === part.value)?.text : part.text?.replace(/ ×$/, ""));

/** @param {string[]} colors of the networks, as #RRGGBB */
function shown(trace, colors) {
  const said = JSON.stringify([trace.line, trace.marker, trace.fillcolor, trace.colorscale]);
  return colors.flatMap((color, arm) => {
    const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    return said.includes(color) || said.includes(`rgba(${parts},`) ? [arm] : [];
  });
}

/**
 * The figure of a chart as it is now, on a ground of its own.
 * @param {any} s
 * @param {any} panel
 */
export function pictureOf(s, panel) {
  const { described } = panel, { data, layout } = panel.plot, { size, family } = layout.font;
  const ground = getComputedStyle(s.probe).backgroundColor;
  const beside = described.title.filter((part) => !part.strong || part.switch).map(chosen).filter(Boolean).join(" · ");
  const arms = [...new Set(data.flatMap((trace) => shown(trace, s.colors)))].sort();
  const legend = arms.map((arm) => `<span style="color: ${s.colors[arm]}">${s.signs[arm]} ${escaped(s.names[arm])}</span>`).join("   ");
  const now = [`step ${s.root.dataset.step}`, panel.note.textContent].filter(Boolean).join(" · ");
  const line = { xref: "paper", yref: "paper", y: 1, showarrow: false, yanchor: "bottom", font: { size: size + 1 } };
  const words = `<b>${escaped(capital(described.summary))}</b><br>${escaped(beside)}`;
  const axis = (given, more) => given && { ...given, automargin: true, showticklabels: given.visible !== false, ...more };
  return {
    data,
    layout: {
      ...layout, width: SIZE.width, height: SIZE.height, autosize: false, paper_bgcolor: ground, plot_bgcolor: ground,
      margin: { l: 24, r: 24, t: 104, b: 30, pad: 0 },
      title: { text: words, x: 0.02, xanchor: "left", y: 0.94, yanchor: "top", font: { size: size + 4, family } },
      xaxis: axis(layout.xaxis, described.across && { title: { text: described.across, standoff: 6 } }), yaxis: axis(layout.yaxis),
      annotations: [{ ...line, text: legend, x: 0, xanchor: "left", yshift: 22 }, { ...line, text: escaped(now), x: 1, xanchor: "right", yshift: 4 }],
    },
  };
}
