#!/usr/bin/env node
// Pyodide's CPython in the place of an interpreter: runs the script named last, with this process's pipes
// as its standard streams. The folder PYODIDE has the npm package: `npm install --prefix $PYODIDE pyodide`.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const folder = path.resolve(process.env.PYODIDE ?? ".");
const found = createRequire(path.join(folder, "package.json")).resolve("pyodide/pyodide.mjs");
const { loadPyodide } = await import(pathToFileURL(found));
const python = await loadPyodide({ indexURL: path.dirname(found) });

// A pipe that is empty for the moment says so, instead of waiting.
function patiently(call) {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (error.code === "EOF") return 0;
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

python.setStdin({ read: (buffer) => patiently(() => fs.readSync(0, buffer)), isatty: false });
python.setStdout({ write: (buffer) => patiently(() => fs.writeSync(1, buffer)), isatty: false });
python.setStderr({ write: (buffer) => buffer.length });
const script = process.argv.at(-1);
python.runPython(fs.readFileSync(script, "utf8"), {
  filename: script,
  globals: python.toPy({ __name__: "__main__" }),
});
