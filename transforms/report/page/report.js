(() => {
  "use strict";
  const box = document.getElementById("search");
  if (!box) return;
  const rows = Array.from(document.querySelectorAll("#samples tbody tr"));
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const found = document.getElementById("found");
  const find = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      if (!row.hidden) shown++;
    });
    found.textContent = words.length ? shown + " of " + rows.length + " shown" : "";
  };
  box.addEventListener("input", find);
  document.querySelector(".search").hidden = false;
  find();
})();
