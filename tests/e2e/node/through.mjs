// Client options that lead through the proxy of the environment. From Node 22.21 and 24 on there are none: with
// NODE_USE_ENV_PROXY=1 its own fetch reads HTTPS_PROXY. Before, the SDKs' documentation says: an undici dispatcher.

export async function through() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const own = major > 23 || (major === 22 && minor >= 21);
  if (own || !process.env.HTTPS_PROXY) return {};
  const { ProxyAgent } = await import('undici');
  return { fetchOptions: { dispatcher: new ProxyAgent(process.env.HTTPS_PROXY) } };
}
