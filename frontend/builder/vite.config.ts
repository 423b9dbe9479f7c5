import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** `x.js.gz` beside each `x.js`: WhiteNoise sends such files to who takes gzip, and compresses nothing itself. */
const compressed: Plugin = {
  name: "compressed",
  writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle).filter((each) => /\.(js|css)$/.test(each))) {
      const path = join(dir!, name);
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
    }
  },
};

export default defineConfig({
  base: "/static/builder/",
  build: {
    outDir: "../../dist/builder",
    emptyOutDir: true,
    manifest: true,
    // The first that know light-dark(), in which the colours of all styles are written; it must stay as it is.
    cssTarget: ["chrome123", "edge123", "firefox120", "safari17.5"],
    // A browser that knows no modules keeps the server's drawing.
    modulePreload: { polyfill: false },
    rolldownOptions: { input: "src/main.ts" },
  },
  plugins: [compressed],
});
