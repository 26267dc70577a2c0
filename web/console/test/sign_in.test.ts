import { beforeEach, expect, test, vi } from 'vitest';
import { type Browser, SignIn } from '../sign_in.js';
import { challengeOf, endpointsOf, type Pending, returnOf, sessionOf } from '../sign_in_flow.js';

const ISSUER = 'https://id.test/pool';
const CONFIG = { issuer: ISSUER, client_id: 'console', scope: 'openid' };
const DISCOVERY = {
  issuer: ISSUER,
  authorization_endpoint: 'https://login.test/authorize',
  token_endpoint: 'https://login.test/token',
};
const PENDING: Pending = {
  state: 's1',
  nonce: 'n1',
  verifier: 'v'.repeat(43),
  redirectUri: 'https://pages.test/console.html',
  search: '?lang=ko',
};
const NOW_MS = 1_795_500_000_000;

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const idToken = (changed: object = {}) =>
  `${part({ alg: 'RS256' })}.${part({
    iss: ISSUER,
    aud: 'console',
    sub: '김배차',
    nonce: 'n1',
    exp: 1,
    ...changed,
  })}.sig`;
const tokens = (claims: object = {}, changed: object = {}) => ({
  access_token: 'the token',
  id_token: idToken(claims),
  token_type: 'Bearer',
  expires_in: 3600,
  ...changed,
});

test('the challenge matches the example of RFC 7636, appendix B', async () => {
  expect(await challengeOf('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')).toBe(
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  );
});

test('a discovery document of another issuer, or with endpoints without HTTPS, is not used', () => {
  expect(endpointsOf(DISCOVERY, ISSUER)?.token).toBe('https://login.test/token');
  expect(endpointsOf({ ...DISCOVERY, issuer: 'https://other.test' }, ISSUER)).toBeNull();
  expect(
    endpointsOf({ ...DISCOVERY, token_endpoint: 'http://login.test/token' }, ISSUER),
  ).toBeNull();
  expect(endpointsOf({ ...DISCOVERY, token_endpoint: 'javascript:1' }, ISSUER)).toBeNull();
  expect(endpointsOf(null, ISSUER)).toBeNull();
  const local = 'http://127.0.0.1:8099';
  const plain = {
    issuer: local,
    authorization_endpoint: `${local}/authorize`,
    token_endpoint: `${local}/token`,
  };
  expect(endpointsOf(plain, local)?.token).toBe(`${local}/token`);
});

test.each([
  ['', { type: 'none' }],
  ['?lang=ko', { type: 'none' }],
  ['?code=c&state=s1', { type: 'code', code: 'c' }],
  [`?code=c&state=s1&iss=${encodeURIComponent(ISSUER)}`, { type: 'code', code: 'c' }],
  ['?code=c&state=s1&iss=https://other.test', { type: 'problem', problem: 'not_ours' }],
  ['?code=c&state=other', { type: 'problem', problem: 'not_ours' }],
  ['?code=c', { type: 'problem', problem: 'not_ours' }],
  ['?error=access_denied&state=s1', { type: 'problem', problem: 'refused' }],
  ['?error=x&code=c&state=s1', { type: 'problem', problem: 'refused' }],
])('the issuer’s response "%s"', (search, expected) => {
  expect(returnOf(search, PENDING, ISSUER)).toEqual(expected);
});

test('a response that this tab did not request is not accepted', () => {
  expect(returnOf('?code=c&state=s1', null, ISSUER)).toEqual({
    type: 'problem',
    problem: 'not_ours',
  });
});

test('valid tokens start a session', () => {
  expect(sessionOf(tokens(), CONFIG, PENDING, NOW_MS)).toEqual({
    accessToken: 'the token',
    subject: '김배차',
    endsAtMs: NOW_MS + 3_600_000,
  });
  expect(sessionOf(tokens({ aud: ['x', 'console'] }), CONFIG, PENDING, NOW_MS)).not.toBeNull();
});

test.each([
  ['another nonce', tokens({ nonce: 'n2' })],
  ['no nonce', tokens({ nonce: undefined })],
  ['another client', tokens({ aud: 'other' })],
  ['another issuer', tokens({ iss: 'https://other.test' })],
  ['no ID token', tokens({}, { id_token: undefined })],
  ['an invalid ID token', tokens({}, { id_token: 'a.%.c' })],
  ['no access token', tokens({}, { access_token: undefined })],
  ['another type', tokens({}, { token_type: 'mac' })],
  ['no lifetime', tokens({}, { expires_in: 0 })],
  ['no tokens', null],
])('a response with %s starts no session', (_, response) => {
  expect(sessionOf(response, CONFIG, PENDING, NOW_MS)).toBeNull();
});

class FakeTab implements Browser {
  readonly values = new Map<string, string>();
  readonly storage = {
    getItem: (name: string) => this.values.get(name) ?? null,
    setItem: (name: string, value: string) => void this.values.set(name, value),
    removeItem: (name: string) => void this.values.delete(name),
  };
  page = 'https://pages.test/console.html?lang=ko';
  navigatedTo = '';
  time = NOW_MS;
  requests: { url: string; body: URLSearchParams | undefined }[] = [];
  claims: object = {};
  fetch = vi.fn(async (url: string | URL | Request, init?: RequestInit) => {
    this.requests.push({ url: String(url), body: init?.body as URLSearchParams | undefined });
    const isToken = String(url) === DISCOVERY.token_endpoint;
    return new Response(JSON.stringify(isToken ? tokens(this.claims) : DISCOVERY));
  });
  url = () => new URL(this.page);
  replaceUrl = (url: string) => {
    this.page = new URL(url, this.page).href;
  };
  navigateTo = (url: string) => {
    this.navigatedTo = url;
  };
  nowMs = () => this.time;
}

let tab: FakeTab;
beforeEach(() => {
  tab = new FakeTab();
});

/** Starts a sign-in, and has the issuer send the browser back; returns the requested URL. */
async function returnFromIssuer(): Promise<URL> {
  await new SignIn(CONFIG, tab).start();
  const requested = new URL(tab.navigatedTo);
  tab.claims = { nonce: requested.searchParams.get('nonce') };
  tab.page = `https://pages.test/console.html?code=c1&state=${requested.searchParams.get('state')}`;
  return requested;
}

test('after a sign-in, the URL contains neither code nor state', async () => {
  const requested = await returnFromIssuer();
  expect(requested.origin + requested.pathname).toBe(DISCOVERY.authorization_endpoint);
  expect(requested.searchParams.get('code_challenge_method')).toBe('S256');
  expect(requested.searchParams.get('redirect_uri')).toBe('https://pages.test/console.html');

  const { session, problem } = await new SignIn(CONFIG, tab).resume();

  expect(problem).toBeNull();
  expect(session?.accessToken).toBe('the token');
  expect(tab.page).toBe('https://pages.test/console.html?lang=ko');
  const body = tab.requests.at(-1)?.body;
  expect(await challengeOf(body?.get('code_verifier') ?? '')).toBe(
    requested.searchParams.get('code_challenge'),
  );
  expect([...tab.values.keys()]).toEqual(['rtdts.session']);
});

test('each sign-in has its own secrets', async () => {
  const one = await returnFromIssuer();
  const other = await returnFromIssuer();
  for (const name of ['state', 'nonce', 'code_challenge']) {
    expect(one.searchParams.get(name)).toHaveLength(43);
    expect(one.searchParams.get(name)).not.toBe(other.searchParams.get(name));
  }
});

test('a response of the issuer is used only once', async () => {
  await returnFromIssuer();
  const page = tab.page;
  await new SignIn(CONFIG, tab).resume();
  tab.page = page;
  const before = tab.requests.length;

  expect((await new SignIn(CONFIG, tab).resume()).problem).toBe('not_ours');
  expect(tab.requests).toHaveLength(before);
});

test('a session is resumed until it expires', async () => {
  await returnFromIssuer();
  await new SignIn(CONFIG, tab).resume();

  expect((await new SignIn(CONFIG, tab).resume()).session?.subject).toBe('김배차');
  tab.time += 3_600_000;
  expect((await new SignIn(CONFIG, tab).resume()).session).toBeNull();
});

test('signing out deletes the token', async () => {
  await returnFromIssuer();
  const signIn = new SignIn(CONFIG, tab);
  await signIn.resume();
  signIn.signOut();

  expect(tab.values.size).toBe(0);
});

test('a failure of the issuer is reported, and the URL contains no code', async () => {
  await returnFromIssuer();
  tab.fetch.mockRejectedValue(new TypeError('no network'));

  expect(await new SignIn(CONFIG, tab).resume()).toEqual({ session: null, problem: 'issuer' });
  expect(tab.page).not.toContain('code');
});
