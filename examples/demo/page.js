// Count down to the ends of sessions. The page's own clock is not asked: it may differ from the server's.
for (const time of document.querySelectorAll("[data-left]")) {
  const end = performance.now() + Number(time.dataset.left);
  const show = () => {
    const left = Math.max(0, Math.floor((end - performance.now()) / 1000));
    time.textContent = left ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : "expired";
    if (!left) clearInterval(timer);
  };
  const timer = setInterval(show, 1000);
  show();
}
// An address that told of a session's end has told it.
if (location.search) history.replaceState(null, "", "/");
