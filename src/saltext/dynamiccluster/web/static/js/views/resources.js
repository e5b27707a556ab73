// The resources: what each may use, uses and why it does not grow; its nodes, several at once.

import { get, getPage } from "../api.js";
import { heading } from "../filters.js";
import { feed } from "../feed.js";
import { fill, h, refill } from "../dom.js";
import { ResourceBox } from "../resourcebox.js";
import { adoptForm, orphanList } from "../orphans.js";

const MOST = 100000;

export default function resources(box, parameters) {
  const list = h("div", { class: "boxes" });
  const strays = h("section", { class: "card" });
  const boxes = new Map();
  const said = h("span", { class: "quiet" });
  let found = [];
  fill(box, heading("Resources", said), list, strays);

  function draw(resources) {
    found = resources;
    fill(said, resources.length ? "" : "None is configured.");
    const only = parameters.get("name");
    for (const resource of resources) {
      if (!boxes.has(resource.name)) {
        boxes.set(resource.name, new ResourceBox(resource, resources.length < 4 || only === resource.name));
        list.append(boxes.get(resource.name).element);
        if (only === resource.name) boxes.get(resource.name).element.scrollIntoView();
      }
      boxes.get(resource.name).show(resource);
    }
    for (const [name, item] of boxes) if (!resources.some((resource) => resource.name === name)) (item.end(), boxes.delete(name));
  }
  function drawNodes({ rows }) {
    const by = new Map([...boxes.keys()].map((name) => [name, []]));
    for (const node of rows) by.get(node.resource)?.push(node);
    for (const [name, item] of boxes) item.showNodes(by.get(name));
  }
  const strayRows = feed(() => get("/orphans"), (rows) => refill(strays, () => [h("h2", {}, "Machines of nobody"), orphanList(rows), adoptForm(found)]), (error) => refill(strays, () => [h("h2", {}, "Machines of nobody"), h("p", { class: "quiet" }, error.message)]));
  let rows = null;
  const all = feed(() => get("/resource", { nodes: false }), (value) => {
    draw(value);
    if (!rows) strayRows.again();
    rows ??= feed(() => getPage("/workernode", { limit: MOST }), drawNodes, (error) => fill(said, error.message));
  }, (error) => found.length || fill(said, error.message));
  return () => {
    [all, rows, strayRows].forEach((item) => item?.end());
    boxes.forEach((item) => item.end());
  };
}
