// Two kinds of tables.
//
// Class `paginate`: all rows are in the page; this script adds a search box, sorting and paging, and
// remembers their state in the browser. Columns of class `no-sort` cannot be sorted. Classes
// `paginate-5` and `paginate-10` start with so many rows, `paginate-without-paging` shows all.
//
// [data-listing]: the server filters, sorts and pages (flexmeasures/ui/listing.py). Links and the form
// work by themselves; this script loads only the table instead of the page, also while typing.

const LENGTHS = [5, 10, 25, 50, 100, Infinity];
const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

class PaginatedTable {
  constructor(table, number) {
    this.table = table;
    this.key = `flexmeasures.table:${location.pathname}:${table.id || number}`;
    this.body = table.tBodies[0];
    this.rows = [...this.body.rows].map((row, index) => ({
      row,
      index,
      text: row.textContent.toLowerCase(),
      cells: [...row.cells].map((cell) => cell.dataset.order ?? cell.textContent.trim()),
    }));
    const paging = !table.classList.contains("paginate-without-paging");
    const length = !paging ? Infinity : table.classList.contains("paginate-5") ? 5 : 10;
    this.state = { filter: "", page: 1, length, column: null, direction: "ascending", ...this.#stored() };
    if (!paging) this.state.length = Infinity;
    this.#addControls(paging);
    this.#addSorting();
    this.show();
  }

  show() {
    const { filter, length, column, direction } = this.state;
    const words = filter.toLowerCase().split(/\s+/);
    const found = this.rows.filter(({ text }) => words.every((word) => text.includes(word)));
    if (column !== null) {
      const sign = direction === "ascending" ? 1 : -1;
      found.sort((a, b) => sign * compare(a.cells[column] ?? "", b.cells[column] ?? "") || a.index - b.index);
    }
    const pages = Math.max(1, Math.ceil(found.length / length));
    this.state.page = Math.min(Math.max(1, this.state.page), pages);
    const first = length === Infinity ? 0 : (this.state.page - 1) * length;
    const shown = found.slice(first, first + length);
    this.body.replaceChildren(...(shown.length ? shown.map(({ row }) => row) : [this.#emptyRow()]));
    this.info.textContent = shown.length
      ? `Showing ${first + 1} to ${first + shown.length} out of ${found.length} records`
      : "No records to show";
    if (found.length < this.rows.length) {
      this.info.textContent += ` (filtered from ${this.rows.length} total records)`;
    }
    [...this.table.tHead.rows[0].cells].forEach((cell, index) => {
      if (cell.hasAttribute("aria-sort")) cell.setAttribute("aria-sort", index === column ? direction : "none");
    });
    this.#showPager(pages);
    this.#store();
  }

  #addControls(paging) {
    const head = element("div", "listing-head");
    const label = element("label", "", "Filter records: ");
    const search = element("input", "form-control form-control-sm");
    search.type = "search";
    search.value = this.state.filter;
    search.addEventListener("input", () => this.#change({ filter: search.value, page: 1 }));
    label.append(search);
    head.append(label);
    if (paging) {
      const lengths = element("label", "", "Show ");
      const select = element("select", "form-select form-select-sm");
      for (const length of LENGTHS) {
        const option = new Option(length === Infinity ? "All" : length, length);
        option.selected = length === this.state.length;
        select.append(option);
      }
      select.addEventListener("change", () => this.#change({ length: Number(select.value), page: 1 }));
      lengths.append(select, " per page");
      head.append(lengths);
    }
    this.info = element("p", "m-0");
    this.info.setAttribute("role", "status");
    this.pager = element("nav");
    this.pager.setAttribute("aria-label", "Pages");
    const foot = element("div", "listing-foot");
    foot.append(this.info, this.pager);
    this.table.before(head);
    const wrap = element("div", "table-wrap");
    this.table.replaceWith(wrap);
    wrap.append(this.table);
    wrap.after(foot);
  }

  #addSorting() {
    [...this.table.tHead.rows[0].cells].forEach((cell, column) => {
      if (cell.classList.contains("no-sort")) return;
      const button = element("button");
      button.type = "button";
      button.append(...cell.childNodes);
      cell.append(button);
      cell.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const again = this.state.column === column && this.state.direction === "ascending";
        this.#change({ column, direction: again ? "descending" : "ascending", page: 1 });
      });
    });
  }

  #showPager(pages) {
    const focused = this.pager.contains(document.activeElement) ? document.activeElement.textContent : null;
    const list = element("ul", "pagination pagination-sm");
    const page = this.state.page;
    const add = (text, target, disabled) => {
      const item = element("li", `page-item${disabled ? " disabled" : ""}${text === page ? " active" : ""}`);
      const button = element("button", "page-link", text);
      button.type = "button";
      button.disabled = disabled;
      if (text === page) button.setAttribute("aria-current", "page");
      button.addEventListener("click", () => this.#change({ page: target }));
      item.append(button);
      list.append(item);
    };
    add("Previous", page - 1, page === 1);
    let last = 0;
    for (let number = 1; number <= pages; number++) {
      if (number !== 1 && number !== pages && Math.abs(number - page) > 1) continue;
      if (number - last > 1) add("…", page, true);
      add(number, number, false);
      last = number;
    }
    add("Next", page + 1, page === pages);
    this.pager.replaceChildren(list);
    this.pager.hidden = pages === 1;
    if (focused) [...list.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
  }

  #emptyRow() {
    const row = element("tr");
    const cell = element("td", "", "No records to show");
    cell.colSpan = this.table.tHead.rows[0].cells.length;
    row.append(cell);
    return row;
  }

  #change(changes) {
    Object.assign(this.state, changes);
    this.show();
  }

  #stored() {
    try {
      const state = JSON.parse(sessionStorage.getItem(this.key)) ?? {};
      if (state.length === null) state.length = Infinity;
      return state;
    } catch {
      return {};
    }
  }

  #store() {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(this.state));
    } catch {
      // storage is switched off
    }
  }
}

class Listing {
  constructor(section) {
    this.id = section.id;
    section.querySelector("button[type=submit]").hidden = true;
    document.addEventListener("click", (event) => {
      const link = event.target.closest(`#${CSS.escape(this.id)} :is(thead, .pagination) a[href^="?"]`);
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.load(link.search);
    });
    document.addEventListener("submit", (event) => {
      if (!this.#isOwn(event.target)) return;
      event.preventDefault();
      this.#send(event.target);
    });
    let timer = 0;
    document.addEventListener("input", (event) => {
      const form = event.target.form;
      if (!form || !this.#isOwn(form)) return;
      clearTimeout(timer);
      timer = setTimeout(() => this.#send(form), event.target.type === "search" ? 250 : 0);
    });
  }

  async load(query) {
    this.request?.abort();
    this.request = new AbortController();
    const section = document.getElementById(this.id);
    section.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(location.pathname + query, { signal: this.request.signal });
      if (!response.ok || response.redirected) throw new Error(response.statusText);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      this.#replace(section, page.getElementById(this.id));
      history.replaceState(null, "", query);
    } catch (error) {
      if (error.name !== "AbortError") location.assign(location.pathname + query);
    }
  }

  #send(form) {
    this.load(`?${new URLSearchParams(new FormData(form))}`);
  }

  #replace(section, fresh) {
    // The form stays, as somebody may be typing in it; what it keeps of the query changes.
    for (const part of [".table-wrap", ".listing-foot"]) {
      const active = section.querySelector(part).contains(document.activeElement) ? document.activeElement : null;
      const text = active?.textContent;
      section.querySelector(part).replaceWith(fresh.querySelector(part));
      if (active) [...section.querySelectorAll(`${part} a`)].find((link) => link.textContent === text)?.focus();
    }
    const form = section.querySelector("form");
    form.querySelectorAll("input[type=hidden]").forEach((input) => input.remove());
    form.prepend(...fresh.querySelectorAll("form input[type=hidden]"));
    section.removeAttribute("aria-busy");
  }

  #isOwn(form) {
    return form.closest("[data-listing]")?.id === this.id;
  }
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}

document.querySelectorAll("table.paginate, table.paginate-5, table.paginate-10, table.paginate-without-paging")
  .forEach((table, number) => new PaginatedTable(table, number));
document.querySelectorAll("[data-listing]").forEach((section) => new Listing(section));
