// Asks for user and password as Salt's external authentication knows them, or for a token.

import { fill, h } from "../dom.js";
import { login, session } from "../session.js";

/** Show the page; `done` is called when somebody is logged in. */
export function showLogin(app, { reason = "", done }) {
  let withToken = session().eauth.length === 0;
  const said = h("p", { class: "bad", role: "alert" }, reason);
  const fields = h("div", { class: "fields" });
  const other = h("button", { type: "button", class: "ghost", on: { click: () => turn(!withToken) } });
  const button = h("button", { class: "primary wide" }, "Log in");
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await login(read(fields));
      done();
    } catch (error) {
      fill(said, error.message);
      fields.querySelector("[type=password]").select();
    }
    button.disabled = false;
  };
  function turn(token) {
    withToken = token;
    fill(fields, token ? tokenField() : passwordFields());
    fill(other, token ? "Use a password instead" : "Use a token instead");
    other.hidden = session().eauth.length === 0;
    fields.querySelector("input").focus();
  }
  const head = h("div", { class: "login-head" }, h("img", { src: "/dashboard/icon.svg", alt: "", width: 44, height: 44 }), h("h1", {}, "Dynamic Cluster"));
  fill(app, h("main", { class: "login" }, h("form", { class: "card", on: { submit } }, head, fields, said, button, other)));
  turn(withToken);
}

function tokenField() {
  return field("Token", h("input", { name: "token", type: "password", required: true, autocomplete: "off", maxLength: 256 }));
}

function passwordFields() {
  const kinds = session().eauth;
  const choose = h("select", { name: "eauth" }, kinds.map((kind) => h("option", { value: kind }, kind)));
  return [
    field("User", h("input", { name: "username", required: true, autocomplete: "username", autocapitalize: "none", spellcheck: false, maxLength: 256 })),
    field("Password", h("input", { name: "password", type: "password", required: true, autocomplete: "current-password", maxLength: 4096 })),
    kinds.length > 1 ? field("Checked by", choose) : null,
  ];
}

function field(title, input) {
  return h("label", {}, h("span", {}, title), input);
}

function read(fields) {
  const values = [...fields.querySelectorAll("input, select")].map((input) => [input.name, input.name === "token" ? input.value.trim() : input.value]);
  return Object.fromEntries(values);
}
