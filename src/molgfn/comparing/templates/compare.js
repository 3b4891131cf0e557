"use strict";
const token = new URLSearchParams(location.search).get("token");
const by = (id) => document.getElementById(id);
const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", s: "skip", S: "skip" };
let pair = null, busy = false, ended = false;

// one request at a time: a key that is held down answers one pair, not ten
async function ask(path, body) {
  if (busy || ended) return;
  busy = true;
  try {
    const headers = { "X-Token": token };
    if (body) headers["Content-Type"] = "application/json";
    const reply = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
    const told = await reply.json();
    say(told.problem || "");
    if (told.ended) end();
    else if (told.total) show(told);
  } catch (error) {
    say("molgfn does not answer: was it stopped? Start it again with the same command, and open the address it prints.");
  } finally {
    busy = false;
  }
}

function say(text) { by("problem").textContent = text; by("problem").hidden = !text; }

function show(state) {
  pair = state.pair;
  by("answered").textContent = state.answered;
  by("counts").textContent = [["tie", "equal"], ["skip", "skipped"]].filter(([key]) => state[key]).map(([key, word]) => `${state[key]} ${word}`).join(", ");
  by("bar").style.width = `${100 * state.answered / state.total}%`;
  by("asking").hidden = pair === null;
  by("finished").hidden = pair !== null;
  by("others").hidden = false;
  by("skip").hidden = pair === null;
  by("undo").disabled = !state.answered;
  if (pair === null) return;
  by("pair").textContent = `Pair ${pair}`;
  ["left", "right"].forEach((side, i) => {
    const { svg, smiles, facts } = state.sides[i], card = by(side);
    card.querySelector(".drawing").innerHTML = svg;  // drawn by the server
    card.querySelector(".key").textContent = card.querySelector(".key").title = smiles;
    card.querySelector("tbody").replaceChildren(...facts.map(([name, text]) => {
      const row = document.createElement("tr"), head = document.createElement("th"), cell = document.createElement("td");
      head.textContent = name; cell.textContent = text; row.append(head, cell);
      return row;
    }));
  });
}

function end() {
  ended = true;
  ["asking", "finished", "others"].forEach((id) => { by(id).hidden = true; });
  by("ended").hidden = false;
}

function choose(choice) { if (pair !== null) ask("/answer", { pair, choice }); }

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (KEYS[event.key]) choose(KEYS[event.key]);
  else if (event.key === "u" || event.key === "U") ask("/undo", {});
  else return;
  event.preventDefault();
});
document.querySelectorAll("[data-choice]").forEach((button) => button.addEventListener("click", () => choose(button.dataset.choice)));
by("undo").addEventListener("click", () => ask("/undo", {}));
by("finish").addEventListener("click", () => ask("/finish", {}));
ask("/state");
