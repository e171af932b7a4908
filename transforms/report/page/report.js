(() => {
  "use strict";
  const box = document.getElementById("search");
  if (!box) return;
  const rows = Array.from(document.querySelectorAll("#samples tbody tr"));
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const found = document.getElementById("found");
  const all = document.getElementById("all");
  const first = 25; // so many until more are asked for
  let limit = first;
  const find = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const most = words.length ? rows.length : limit;
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = shown >= most || !words.every((word) => texts[i].includes(word));
      if (!row.hidden) shown++;
    });
    found.textContent = words.length ? shown + " of " + rows.length + " shown" : "";
    all.hidden = words.length > 0 || rows.length <= limit;
  };
  all.addEventListener("click", () => {
    limit = rows.length;
    find();
    rows[Math.min(first, rows.length - 1)].scrollIntoView({ block: "nearest" });
  });
  box.addEventListener("input", find);
  document.querySelector(".search").hidden = false;
  find();
})();
