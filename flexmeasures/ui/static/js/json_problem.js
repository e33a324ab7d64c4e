// Why a text is no JSON, and where: browsers do not tell the place, or each in its own words.
//
//   problemOf('{"a": }')  // { at: 6, message: "Line 1, column 7: a value is missing." }
//   problemOf("{}")       // null

const SPACE = /[ \t\n\r]*/y;
const PLAIN = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const DEEPEST = 100; // what the server stores

export function problemOf(text) {
  const reader = new Reader(text);
  try {
    reader.value(0);
    reader.skip();
    if (reader.at < text.length) reader.fail("the JSON ended before this");
    return null;
  } catch (problem) {
    if (problem instanceof Error) throw problem;
    return problem;
  }
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  value(depth) {
    this.skip();
    if (depth > DEEPEST) this.fail("this is nested too deep");
    const next = this.text[this.at];
    if (next === "{") return this.list("}", depth, () => this.pair(depth));
    if (next === "[") return this.list("]", depth, () => this.value(depth + 1));
    if (next === '"') return this.quoted();
    if (this.take(PLAIN)) return;
    if (next === undefined) this.fail("the text ends too early");
    if (next === "'") this.fail('texts stand in double quotes: "..."');
    if (",}]".includes(next)) this.fail("a value is missing");
    this.fail('this is no value: use "a text", a number, true, false, null, {...} or [...]');
  }

  pair(depth) {
    this.skip();
    if (this.text[this.at] !== '"') this.fail('a name in double quotes should be here, such as "name": value');
    this.quoted();
    this.skip();
    if (this.text[this.at] !== ":") this.fail("a colon is missing after the name");
    this.at += 1;
    this.value(depth + 1);
  }

  list(end, depth, item) {
    this.at += 1;
    this.skip();
    if (this.text[this.at] === end) return void (this.at += 1);
    for (;;) {
      item();
      this.skip();
      const next = this.text[this.at];
      if (next === end) return void (this.at += 1);
      if (next === undefined) this.fail(`${end} is missing at the end`);
      if (next !== ",") this.fail(`a comma or ${end} is missing before this`);
      const comma = this.at;
      this.at += 1;
      this.skip();
      if (this.text[this.at] === end) this.fail("this comma is too much: nothing follows", comma);
    }
  }

  quoted() {
    if (!this.take(TEXT)) this.fail("this text does not end in the same line, or has a backslash too much");
  }

  skip() {
    this.take(SPACE);
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found !== null;
  }

  fail(reason, at = this.at) {
    const before = this.text.slice(0, at).split("\n");
    throw { at, message: `Line ${before.length}, column ${before.at(-1).length + 1}: ${reason}.` };
  }
}
