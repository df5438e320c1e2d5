/**
 * The studio's provider, as tests want it: `node provider.mjs` reads its settings as one line of JSON
 * from its standard input, says "ready", and ends when that input does.
 *
 * { issuer, client, people: { <login>: claims }, key: <private JWK>, lean: <claims only at userinfo>,
 *   methods: <how clients may authenticate> }
 *
 * Whoever POSTs { id_token } to /test/next has it given out in place of the next true one.
 */

import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const lines = createInterface({ input: process.stdin });
lines.once("line", (line) => serve(JSON.parse(line)));
lines.once("close", () => process.exit());

function serve({ issuer, client, people, key, lean, methods }) {
  const provider = new Provider(issuer, {
    clients: [client],
    jwks: { keys: [key] },
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: lean,
    clientAuthMethods: methods,
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
    loadExistingGrant: consent,
  });
  let next = null;
  provider.use(async (ctx, go) => {
    if (ctx.path === "/test/next") {
      next = JSON.parse(await body(ctx.req)).id_token;
      ctx.status = 204;
    } else if (ctx.path.startsWith("/interaction/")) {
      await interact(provider, ctx, people);
    } else {
      await go();
      if (ctx.path === "/token" && next) {
        ctx.body = { ...ctx.body, id_token: next };
        next = null;
      }
    }
  });
  provider.listen(Number(new URL(issuer).port), "127.0.0.1", () => console.log("ready"));
}

/** Nobody is asked whether they agree. */
async function consent({ oidc }) {
  const { clientId } = oidc.client;
  const grant = new oidc.provider.Grant({ clientId, accountId: oidc.session.accountId });
  grant.addOIDCScope("openid email");
  await grant.save();
  return grant;
}

async function interact(provider, ctx, people) {
  if (ctx.method === "GET") {
    ctx.body = `<!doctype html><title>Studio account</title><form method="post">
      <label>Login <input name="login"></label><button>Continue</button>
      <button name="cancel" value="1">Cancel</button></form>`;
    return;
  }
  const said = new URLSearchParams(await body(ctx.req));
  const known = Object.hasOwn(people, said.get("login")) && !said.has("cancel");
  const result = known ? { login: { accountId: said.get("login") } } : { error: "access_denied" };
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, result);
}

async function body(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
