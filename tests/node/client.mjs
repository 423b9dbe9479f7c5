// A client with one of the TypeScript SDKs: connects, lists, calls, reads, answers what it is asked, and prints one line of JSON
// for each step. tests/acceptance/test_typescript.py starts it with the address, the key, and which SDK in which era.
const [url, key, which] = process.argv.slice(2)
const isOld = which === 'sdk-1'
const { Client, StreamableHTTPClientTransport } = isOld
  ? {
      ...(await import('@modelcontextprotocol/sdk/client/index.js')),
      ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
    }
  : await import('@modelcontextprotocol/client')

const say = (step, value) => process.stdout.write(JSON.stringify([step, value]) + '\n')
const heading = { name: 'flowhub-tests', version: '1' }
const capabilities = { elicitation: { form: {} } }
const client = new Client(heading, isOld ? { capabilities } : { capabilities, versionNegotiation: { mode: which } })

const answer = async request => {
  say('asked', { message: request.params.message, fields: Object.keys(request.params.requestedSchema.properties) })
  return { action: 'accept', content: { reason: 'late' } }
}
if (isOld) {
  const { ElicitRequestSchema } = await import('@modelcontextprotocol/sdk/types.js')
  client.setRequestHandler(ElicitRequestSchema, answer)
} else {
  client.setRequestHandler('elicitation/create', answer)
}

const call = async (name, args, options) => {
  const result = isOld
    ? await client.callTool({ name, arguments: args }, undefined, options)
    : await client.callTool({ name, arguments: args }, options)
  const { structuredContent, isError } = result
  // The last block of a failure names its execution, which is another one each time.
  const content = isError ? result.content.slice(0, -1) : result.content
  return { content, structuredContent, isError, id: typeof result._meta['flowhub/executionId'] }
}

const headers = { Authorization: `Bearer ${key}` }
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }))
say('server', client.getServerVersion())
say('capabilities', Object.keys(client.getServerCapabilities()))

const { tools } = await client.listTools()
say('tools', tools.map(tool => tool.name))

say('greet', await call('greet', { name: 'Ada', n: 21 }))
say('structured', await call('lookup_order', { order_id: 'A-10481' }))
say('failing', await call('lookup_order', { order_id: 'A-1' }))
say('misfit', await call('greet', { name: 'Ada' }))
await call('nothing', {}).catch(error => say('unknown', error.code))

const heard = []
const onprogress = progress => heard.push(progress)
await call('order_report', { order_ids: ['A-10481', 'A-10482'] }, { onprogress })
say('progress', heard)

const { prompts } = await client.listPrompts()
say('prompts', prompts.map(prompt => prompt.name))
const { messages } = await client.getPrompt({ name: 'order_update', arguments: { order_id: 'A-10481' } })
say('prompt', messages.map(message => [message.role, message.content.text.includes('A-10481')]))
const { resources } = await client.listResources()
say('resources', resources.map(resource => resource.uri))
const { contents } = await client.readResource({ uri: resources[0].uri })
say('resource', contents.map(content => [content.uri, content.mimeType, typeof content.text]))

if (tools.some(tool => tool.name === 'ask_first')) say('asking', await call('ask_first', {}))
await client.close()
