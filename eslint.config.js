import tseslint from 'typescript-eslint'

/** Type assertions live where bytes, or messages, become types, and nowhere else without a reason given in place. */
const assertionFloors = ['src/bytes/**', 'src/netlink/attr.ts', 'src/netlink/family.ts', 'src/netlink/native.ts', 'src/thread/**', 'src/values/**']

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'native-shims/', 'test/types/', 'test/fixtures/', 'test/golden/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unused-expressions': ['error', { allowTernary: true, allowShortCircuit: true }],
      '@typescript-eslint/restrict-template-expressions': 'off', // numbers and errors read well in sentences
      '@typescript-eslint/no-unnecessary-type-parameters': 'off', // result types of native calls and JSON tools are such parameters
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'eqeqeq': ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-control-regex': 'error',
      'no-useless-escape': 'error',
      'no-empty': 'error',
      'no-fallthrough': 'error',
      'no-cond-assign': 'error',
      'no-unsafe-finally': 'error',
      'no-async-promise-executor': 'error',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off', // there are no enums
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off', // slow, and only errors are classes
      '@typescript-eslint/unbound-method': 'off', // our objects are functions in a record; none of them reads `this`
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
      'no-restricted-syntax': ['error',
        { selector: 'TSEnumDeclaration', message: 'Use a union of strings.' },
        { selector: 'TSModuleDeclaration[kind="namespace"]', message: 'A file is the namespace.' },
        { selector: 'TSParameterProperty', message: 'Declare the member.' },
        { selector: 'Decorator', message: 'No decorators.' },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/cli/**'],
    rules: {
      // Nothing may block the event loop of the program that embeds us.
      'no-restricted-syntax': ['error',
        { selector: 'TSEnumDeclaration', message: 'Use a union of strings.' },
        { selector: 'TSModuleDeclaration[kind="namespace"]', message: 'A file is the namespace.' },
        { selector: 'TSParameterProperty', message: 'Declare the member.' },
        { selector: 'Decorator', message: 'No decorators.' },
        { selector: 'CallExpression[callee.property.name=/Sync$/], CallExpression[callee.name=/Sync$/]', message: 'Synchronous calls block the event loop.' },
      ],
    },
  },
  {
    files: assertionFloors,
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'as', objectLiteralTypeAssertions: 'allow' }],
      '@typescript-eslint/no-unnecessary-type-assertion': 'off', // mapped types: what is unnecessary today says what is meant
    },
  },
  {
    files: ['src/cli/**/*.ts', 'scripts/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unnecessary-condition': 'off', // a test may check what the types promise
      '@typescript-eslint/require-await': 'off',
    },
  },
)
