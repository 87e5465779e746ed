// The script of the executable: loads the others, which are its assets, when they are required, each once.
const { getAsset } = require('node:sea');
const { compileFunction } = require('node:vm');

/** The words that CommonJS gives to a script. */
const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];
const loaded = new Map();

function load(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const script = { exports: {} };
  loaded.set(name, script);
  compileFunction(getAsset(name, 'utf8'), PARAMETERS, { filename: name })(script.exports, requireIn, script, __filename, __dirname);
  return script.exports;
}

function requireIn(id) {
  return id.startsWith('./') ? load(id.slice(2)) : require(id);
}

load('main.js');
