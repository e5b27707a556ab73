// Which view is shown: what follows # in the address, with its filters, so that a view can be linked and the back button works.

/** Return {view, parameters} of the address. */
export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: path || "overview", parameters: new URLSearchParams(query) };
}

/** Return the address of a view. */
export function link(view, parameters = {}) {
  const known = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(known).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

export function go(view, parameters) {
  location.hash = link(view, parameters);
}

/** Put a view's filters into the address without a step in the history. */
export function keep(view, parameters) {
  history.replaceState(null, "", link(view, parameters));
}
