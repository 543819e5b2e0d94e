// What is looked at on every page, in the page itself. Each returns what is wrong, as text.

window.looks = {}

// Check 3: what is wrong with the skip link and the order of headings.
looks.order = () => {
  const wrong = []
  const skip = document.querySelector('body').querySelector('a[href], button, input:not([type=hidden]), select')
  if (!skip.matches('.govuk-skip-link')) wrong.push('the skip link is not first')
  if (!document.querySelector(skip.getAttribute('href'))) wrong.push('the skip link leads nowhere')
  const all = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
  const levels = all.filter(one => !one.closest('.govuk-error-summary, .govuk-notification-banner'))
    .filter(one => one.checkVisibility({contentVisibilityAuto: true}))
    .map(one => Number(one.tagName[1]))
  if (levels.filter(one => one === 1).length !== 1) wrong.push(`first headings: ${levels}`)
  levels.forEach((one, place) => { if (one - (levels[place - 1] ?? 0) > 1) wrong.push(`${levels}`) })
  return wrong
}

// Check 28: entries of the navigation that do not stand on its first line.
looks.navigation = () => {
  const all = [...document.querySelectorAll('.govuk-service-navigation__item')]
  const title = document.querySelector('.govuk-service-navigation__service-name')
  return all.filter(one => one.checkVisibility())
    .filter(one => Math.abs(one.getBoundingClientRect().bottom - title.getBoundingClientRect().bottom) > 4)
    .map(one => one.innerText)
}

// Check 13: charts without name, description or a table that follows.
looks.charts = () => {
  const wrong = []
  const drawn = [...document.querySelectorAll('svg[role=img], table')]
    .filter(one => one.matches('table') || one.checkVisibility())
  drawn.forEach((one, place) => {
    if (!one.matches('svg')) return
    for (const part of ['aria-labelledby', 'aria-describedby']) {
      const said = document.getElementById(one.getAttribute(part))
      if (!said || said.textContent.trim().length < 11) wrong.push(`${one.id} has no ${part}`)
    }
    const next = drawn[place + 1]
    if (!next || !next.matches('table')) wrong.push(`${one.getAttribute('aria-labelledby')}: no table`)
  })
  const shown = document.querySelectorAll('svg:not([role=img]):not([aria-hidden=true]):not([focusable=false])')
  for (const one of shown) if (!one.closest('[aria-hidden=true]')) wrong.push(one.outerHTML.slice(0, 80))
  return wrong
}

// Check 11: what paper lacks, or has and should not.
looks.paper = () => {
  const wrong = []
  const rules = [...document.styleSheets].flatMap(sheet => [...sheet.cssRules]).map(rule => rule.cssText)
  if (!rules.some(rule => rule.includes('@top-center') && rule.includes('OFFICIAL-SENSITIVE')))
    wrong.push('no marking on each sheet')
  for (const one of document.querySelectorAll('details > :not(summary)'))
    if (!one.checkVisibility({contentVisibilityAuto: true})) wrong.push(`closed: ${one.innerText}`)
  for (const one of document.querySelectorAll('thead'))
    if (one.checkVisibility() && getComputedStyle(one).display !== 'table-header-group')
      wrong.push('a table head that does not repeat')
  for (const one of document.querySelectorAll('.govuk-service-navigation, .filters, .govuk-back-link'))
    if (one.checkVisibility()) wrong.push(`printed: ${one.className}`)
  return wrong
}

// Check 12: text too pale for white paper, as backgrounds are not printed.
looks.ink = () => {
  const pale = colour => {
    const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    return 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) < 4.5
  }
  const wrong = []
  for (const one of document.querySelectorAll('body *:not(svg *)')) {
    const own = [...one.childNodes].some(part => part.nodeType === 3 && part.data.trim())
    if (own && one.checkVisibility() && pale(getComputedStyle(one).color))
      wrong.push(`${one.className || one.tagName}: ${one.innerText.slice(0, 40)}`)
  }
  for (const one of document.querySelectorAll('.band'))
    if (getComputedStyle(one).color !== 'rgb(0, 0, 0)') wrong.push(one.outerHTML)
  return wrong
}

// Check 10: bands, marks and charts that a browser's own colours would make illegible.
looks.forced = () => {
  const wrong = []
  for (const one of document.querySelectorAll('.band, .tag, .marking__made-up')) {
    if (!one.checkVisibility()) continue
    if (getComputedStyle(one).borderTopStyle === 'none') wrong.push(one.outerHTML)
  }
  for (const one of document.querySelectorAll('svg[role=img]')) {
    if (!one.checkVisibility()) continue
    const style = getComputedStyle(one)
    const white = style.backgroundColor === 'rgb(255, 255, 255)'
    if (style.forcedColorAdjust !== 'none' || !white) wrong.push(one.outerHTML.slice(0, 80))
  }
  return wrong
}

// Check 14: bands, marks and events that colour alone would tell apart.
looks.shapes = () => {
  const wrong = []
  for (const one of document.querySelectorAll('.band, .tag'))
    if (!one.textContent.trim()) wrong.push(one.outerHTML)
  for (const key of document.querySelectorAll('.key')) {
    const shapes = [...key.querySelectorAll('path')].map(one => one.getAttribute('d'))
    if (new Set(shapes).size !== shapes.length) wrong.push(key.innerText)
  }
  return wrong
}

// The text spacing that WCAG 1.4.12 says a page must bear.
looks.spaced = () => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(`
    * { line-height: 1.5 !important; letter-spacing: 0.12em !important }
    * { word-spacing: 0.16em !important }
    p { margin-bottom: 2em !important }`)
  document.adoptedStyleSheets = [sheet]
}

looks.tooWide = () => {
  if (document.documentElement.scrollWidth <= innerWidth) return []
  return [...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.scrolls'))
    .map(one => one.outerHTML.slice(0, 80)).concat('the page is wider than its window')
}
