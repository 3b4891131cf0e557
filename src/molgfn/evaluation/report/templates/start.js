"use strict";
{
  const node = document.getElementById("objects");
  if (node) {
    const data = JSON.parse(node.textContent);
    const table = molgfnTable(data);
    if (data.map) molgfnMap(data, table);
    document.documentElement.classList.add("ready");
  }
}
