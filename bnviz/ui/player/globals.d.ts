/** What the scripts find in the browser: Plotly, once `loadPlotly` has loaded it. */
interface Window {
  Plotly: any;
}

/** An array as Python sends it: numbers of `dtype` in base64, with "rows, columns" where it has two dimensions. */
interface Encoded {
  dtype: "f4" | "f8" | "i1" | "u1" | "i2" | "u2" | "i4" | "u4";
  bdata: string;
  shape?: string;
}
