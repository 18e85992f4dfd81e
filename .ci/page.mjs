// Opens an HTML report in headless Chromium and refuses it for a console
// error, a request to anywhere, a finding of axe-core (WCAG 2 A and AA) in
// light or dark, a page that is wider than a phone, a table that the keyboard
// does not reach, or a PDF with other than the expected number of pages.
//
//   node page.mjs REPORT.html LEAST_PAGES MOST_PAGES
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import puppeteer from 'puppeteer-core'

const [file, least, most] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const wrong = []
const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
try {
  const page = await browser.newPage()
  await page.setBypassCSP(true) // for axe alone: what the page itself does is seen as a request or an error
  page.on('console', (m) => m.type() === 'error' && wrong.push(`console: ${m.text()}`))
  page.on('pageerror', (e) => wrong.push(`page: ${e.message}`))
  page.on('request', (r) => r.url().startsWith('file:') || wrong.push(`request to ${r.url()}`))
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    await page.setViewport({ width: 1200, height: 900 })
    await page.goto(pathToFileURL(resolve(file)).href, { waitUntil: 'load' })
    await page.evaluate(axe)
    const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }))
    for (const v of found.violations) wrong.push(`${scheme}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')}`)
  }
  const tables = await page.$$eval('table', (t) => t.length)
  const reached = new Set()
  for (let i = 0; i < 200; i++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => { const e = document.activeElement; return e.classList.contains('wide') ? e.getAttribute('aria-label') : e.tagName })
    if (at === 'BODY') break
    reached.add(at)
  }
  if (!reached.has('A')) wrong.push('the keyboard reaches no link')
  if ([...reached].filter((r) => r !== 'A').length < tables) wrong.push(`the keyboard reaches ${[...reached].length} of ${tables} tables`)
  await page.setViewport({ width: 360, height: 740, isMobile: true })
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  if (width > 360) wrong.push(`the page is ${width} pixels wide on a phone of 360`)
  const pdf = Buffer.from(await page.pdf({ preferCSSPageSize: true, printBackground: false })).toString('latin1')
  const pages = (pdf.match(/\/Type\s*\/Page[^s]/g) ?? []).length
  if (pages < least || pages > most) wrong.push(`it prints on ${pages} pages, not on ${least} to ${most}`)
  console.log(`${file}: ${tables} tables, ${pages} pages`)
} finally {
  await browser.close()
}
if (wrong.length > 0) {
  console.error(wrong.join('\n'))
  process.exit(1)
}
