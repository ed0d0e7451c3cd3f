// Elements of a page; all text is set as text, never as HTML.

/** An element with attributes and children; strings become text. */
export function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.filter((child) => child !== null));
    return element;
}

export const code = (given) => make("code", {}, String(given));
export const text = (value) => (value === null || value === undefined || value === "" ? "none" : String(value));

export function facts(pairs) {
    return make("dl", {}, ...Object.entries(pairs).flatMap(([name, value]) => [
        make("dt", {}, name),
        make("dd", {}, value instanceof Node ? value : text(value)),
    ]));
}

/** A table from its columns, {title: cell of a row}; the first column names the row, amounts stand on the right. */
export function table(caption, columns, rows, amounts) {
    const titles = Object.keys(columns);
    const attributes = (title, place) => ({
        ...(place ? { "data-title": title } : {}),
        ...(amounts.includes(title) ? { class: "amount" } : {}),
    });
    const cells = (row) => titles.map((title, place) => make("td", attributes(title, place), ...columns[title](row)));
    const head = titles.map((title) => make("th", { scope: "col", ...(amounts.includes(title) ? { class: "amount" } : {}) }, title));
    return make(
        "table",
        {},
        make("caption", {}, caption),
        make("thead", {}, make("tr", {}, ...head)),
        make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells(row)))),
    );
}

/** An amount of minor units as people read it: digits beside the currency's scale. */
export function major(minor, scale) {
    const digits = String(minor).padStart(scale + 1, "0");
    return scale ? `${digits.slice(0, -scale)}.${digits.slice(-scale)}` : digits;
}
