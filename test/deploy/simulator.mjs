// Asks a policy simulator what test/deploy asks its own judge, and says where they
// differ. What the simulator finds wrong with a question (a key that AWS does not tell
// of that resource, a resource that the action does not have) is a difference, too.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const account = '123456789012'
for (const q of JSON.parse(readFileSync(0, 'utf8'))) {
  const context = Object.fromEntries(
    // A key of one value is a text, one of several a list: aws:TagKeys is the only such.
    Object.entries(q.context ?? {}).map(([key, values]) => [key, key === 'aws:TagKeys' ? values : values[0]]),
  )
  const response = await runSimulation({
    request: {
      principal: `arn:aws:iam::${account}:role/skynet-${q.who}`,
      action: q.action,
      resource: { resource: q.resource.replace(/(instance|volume|fleet|network-interface)\/\*$/, '$1/new'), accountId: account },
      contextVariables: context,
    },
    identityPolicies: [{ name: q.who, policy: q.policy }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  }, {})
  const where = `${q.who}: ${q.what}: ${q.action} on ${q.resource}`
  if (response.resultType === 'error') {
    console.log(`${where}: ${JSON.stringify(response.errors)}`)
  } else if ((response.overallResult === 'Allowed') !== q.allowed) {
    console.log(`${where}: ${response.overallResult}, and we say ${q.allowed ? 'allowed' : 'refused'} (${JSON.stringify(context)})`)
  }
  for (const key of response.result?.ignoredContextKeys ?? []) console.log(`${where}: AWS does not tell ${key}`)
}
