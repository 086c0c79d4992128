// What a compiler doesn't say.
import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/schema.ts"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { "react-hooks": hooks },
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Nothing that an executor says may become markup.
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "spans' texts are never HTML" },
        { selector: "MemberExpression[property.name=/^(innerHTML|outerHTML)$/]", message: "spans' texts are never HTML" },
      ],
      "no-eval": "error",
      "no-implied-eval": "error",
    },
  },
  {
    files: ["scripts/*.mjs", "public/*.js"],
    languageOptions: {
      globals: { matchMedia: "readonly", process: "readonly", setTimeout: "readonly", clearTimeout: "readonly", console: "readonly", localStorage: "readonly", document: "readonly", fetch: "readonly", URL: "readonly", Buffer: "readonly" },
    },
  },
);
