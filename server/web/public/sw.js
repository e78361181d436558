// Shows what the server pushes, whether a page is open or not, and opens what it is about when it is pressed.
const PAGE = /^\/(?![/\\])/;

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("push", (event) => {
  const said = read(event.data);
  event.waitUntil(
    registration.showNotification(said.title || "Social Flow", {
      body: said.body || "",
      tag: said.tag,
      lang: said.language,
      dir: said.direction === "rtl" ? "rtl" : "ltr",
      icon: "/favicon.svg",
      timestamp: Date.parse(said.created_at) || Date.now(),
      data: { path: PAGE.test(said.path) ? said.path : "/notifications" },
    }),
  );
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path ?? "/notifications"));
});

// The browser has renewed the subscription: the next page tells the server of it.
addEventListener("pushsubscriptionchange", (event) => {
  const options = event.oldSubscription?.options;
  if (options) event.waitUntil(registration.pushManager.subscribe(options));
});

function read(data) {
  try {
    return data?.json() ?? {};
  } catch {
    return {};
  }
}

async function open(path) {
  const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find((one) => one.focused) ?? pages[0];
  if (!page) return clients.openWindow(path);
  await page.focus();
  page.postMessage({ open: path });
}
