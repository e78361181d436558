// An OpenID Connect provider (npm oidc-provider) for a test: prints its port. Its accounts are any name. Its
// interaction, which a person would click through, is over at once, unless the last argument is "asks".
import { createRequire } from "node:module";
import http from "node:http";

const [modules, clientId, clientSecret, redirectUri, givenPort, asks] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { Provider } = await import(require.resolve("oidc-provider"));

const server = http.createServer();
await new Promise((ready) => server.listen(Number(givenPort), "127.0.0.1", ready));
const { port } = server.address();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"] },
  pkce: { required: () => true },
  cookies: { keys: ["a key of the test"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@example.org`, email_verified: true, preferred_username: sub }),
  }),
});

const answer = provider.callback();
server.on("request", async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return answer(request, response);
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  const answered = request.url.split("?")[1];
  if (asks && prompt.name === "login" && !answered) {
    response.setHeader("Content-Type", "text/html");
    return response.end('<title>Provider</title><a href="?continue">Continue</a> <a href="?cancel">Cancel</a>');
  }
  if (answered === "cancel") {
    return provider.interactionFinished(request, response, { error: "access_denied" });
  }
  if (prompt.name === "login") {
    return provider.interactionFinished(request, response, { login: { accountId: params.login_hint ?? "ada" } });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope("openid email profile");
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
});
console.log(port);
