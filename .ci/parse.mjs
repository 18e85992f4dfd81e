// Parses PowerShell files and reports what the grammar does not take.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Language, Parser } from 'web-tree-sitter';

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('parse.mjs: no file to parse');
  process.exit(2);
}
await Parser.init();
const parser = new Parser();
const grammar = createRequire(import.meta.url).resolve('tree-sitter-powershell/tree-sitter-powershell.wasm');
parser.setLanguage(await Language.load(grammar));

let broken = 0;
function report(file, node) {
  if (node.isError || node.isMissing) {
    const { row, column } = node.startPosition;
    const what = node.isMissing ? `missing ${node.type}` : `cannot be parsed: ${JSON.stringify(node.text.slice(0, 60))}`;
    console.error(`${file}:${row + 1}:${column + 1}: ${what}`);
    broken++;
    return;
  }
  for (const child of node.children) {
    if (child.hasError || child.isMissing) report(file, child);
  }
}
for (const file of files) {
  report(file, parser.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, '')).rootNode);
}
process.exit(broken === 0 ? 0 : 1);
