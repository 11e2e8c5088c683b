import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/*.min.js", ".venv/", "node_modules/"] },
  js.configs.recommended,
  {
    files: ["bnviz/ui/player/*.js", "bnviz/serve/watch/*.js", "bnviz/serve/takeaway/*.js"],
    languageOptions: { globals: globals.browser },
    rules: { eqeqeq: "error", "no-var": "error", "prefer-const": "error", "max-len": ["error", { code: 170 }] },
  },
  { files: ["tests/player/*.js"], languageOptions: { globals: globals.node } },
];
