// Makes a round of renditions by sharp for each line of standard input, and answers with
// photographs a second and ms of processor time each. Arguments: folder of node_modules, of work, count, workers, files.
import { createRequire } from 'node:module'
import { mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import path from 'node:path'

const [folder, work, count, workers, ...files] = process.argv.slice(2)
const sharp = createRequire(path.resolve(folder) + '/')('sharp')
sharp.concurrency(1)
sharp.cache(false)

// Settings equal to the worker's: quality 85, Huffman tables optimised, colours at half size.
const settings = { quality: 85, optimiseCoding: true }
const fit = (edge) => ({ width: edge, height: edge, fit: 'inside', withoutEnlargement: true })

const apart = (input, to) =>
  Promise.all([1024, 150].map((edge) => sharp(input, { sequentialRead: true }).autoOrient().resize(fit(edge)).jpeg(settings).toFile(`${to}/${edge}.jpg`)))

const once = async (input, to) => {
  const { data, info } = await sharp(input, { sequentialRead: true }).autoOrient().resize(fit(1024)).raw().toBuffer({ resolveWithObject: true })
  const raw = { raw: { width: info.width, height: info.height, channels: info.channels } }
  await Promise.all([
    sharp(data, raw).jpeg(settings).toFile(`${to}/1024.jpg`),
    sharp(data, raw).resize(fit(150)).jpeg(settings).toFile(`${to}/150.jpg`)
  ])
}

async function round(make) {
  let next = 0
  const began = process.hrtime.bigint()
  const spent = process.cpuUsage()
  await Promise.all(Array.from({ length: Number(workers) }, async () => {
    for (let i = next++; i < Number(count); i = next++) {
      const to = `${work}/sharp/${i}`
      mkdirSync(to, { recursive: true })
      await make(files[i % files.length], to)
    }
  }))
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  const { user, system } = process.cpuUsage(spent)
  return `${Number(count) / seconds} ${(user + system) / 1000 / Number(count)}`
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(await round({ apart, once }[line.trim()]))
}
